import { type Err, ok, type Result } from '../base/result';
import { isoTime, secondMs, type Timer } from '../base/time';
import type { ItemId } from '../model/ids/ids';
import type { StorageError } from '../sqlite/database';
import { readItem } from '../store/items';
import type { StoreMaintenance } from '../store/maintenance';
import type { Snapshot, SnapshotReason } from '../store/snapshotFiles';
import type { SnapshotReader } from '../store/snapshotReader';
import { currentDigest, recomputeDigest } from '../sync/digest';
import { editItem } from '../sync/localEdits';
import { type DeviceCore, write } from './core';
import type { DeviceUpkeep, Housekeeping } from './device';
import type { DeviceError } from './deviceError';
import { lockedFailure } from './deviceItems';
import { failure, storageFailure } from './failures';
import { findingJson } from './findings';
import type { SnapshotJson } from './json';

/** Snapshots, roll back, the doctor, and what is done when nothing else goes on. */
export interface Upkeep {
  readonly commands: DeviceUpkeep;
  readonly housekeeping: Housekeeping;
  /** Takes a snapshot for a reason of the device's own; answers its id. */
  keepSnapshot(reason: SnapshotReason): Promise<Result<string, StorageError>>;
  /** Leaves no clear trace of what is encrypted at rest; to be called after it may have changed. */
  sealTraces(): Promise<void>;
  /** Ends with the step that runs. */
  stop(): Promise<void>;
}

const editsPerTransaction = 100;

/** @param changed told of the items that were written */
export function createDeviceUpkeep(
  core: DeviceCore,
  maintenance: StoreMaintenance,
  changed: (ids: readonly string[]) => void,
): Upkeep {
  const { snapshots } = maintenance;
  const digest = { current: currentDigest, recompute: recomputeDigest };
  let idleTimer: Timer | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;

  const tellWaiting = ({ type }: StorageError) =>
    core.logger.warn('the upkeep of the store waits', { reason: type });
  const armIdle = (delayMs: number): void => {
    if (stopped) return;
    idleTimer = core.timers.after(delayMs, () => {
      running = runIdle();
    });
  };
  const runIdle = async (): Promise<void> => {
    const step = await maintenance.idle({ historyKeepDays: core.settings().historyKeepDays });
    if (!step.ok) tellWaiting(step.error);
    armIdle(step.ok ? step.value.waitMs : retryIdleMs);
  };

  return {
    commands: {
      takeSnapshot: async () => {
        const taken = await snapshots.take('command');
        return taken.ok ? ok(snapshotJson(taken.value)) : storageFailure(taken.error);
      },

      snapshots: async () => {
        const list = snapshots.list();
        return list.ok ? ok(list.value.map(snapshotJson)) : storageFailure(list.error);
      },

      rollBack: async id => {
        const reader = await snapshots.open(id);
        if (!reader.ok) {
          return reader.error.type === 'unknownSnapshot'
            ? failure('unknownSnapshot', 'There is no such snapshot. List the snapshots to see their ids.')
            : snapshotFailure(reader.error);
        }
        try {
          const undo = await snapshots.take('rollback');
          if (!undo.ok) return storageFailure(undo.error);
          const written = await setBack(core, reader.value);
          if (!written.ok) return written;
          changed(written.value);
          return ok({ changed: written.value.length, undoSnapshot: undo.value.id });
        } finally {
          await reader.value.close();
        }
      },

      doctor: async ({ mend }) => {
        const findings = await maintenance.doctor({ digest, mend });
        if (!findings.ok) return storageFailure(findings.error);
        return ok(findings.value.map(findingJson));
      },
    },

    housekeeping: {
      start: () => {
        if (idleTimer === undefined) armIdle(firstIdleMs);
      },

      round: async () => {
        const { historyKeepDays } = core.settings();
        const done = await maintenance.round({ historyKeepDays, maxMs: maxRoundMs });
        if (!done.ok) tellWaiting(done.error);
      },
    },

    keepSnapshot: async reason => {
      const taken = await snapshots.take(reason);
      return taken.ok ? ok(taken.value.id) : taken;
    },

    sealTraces: async () => {
      const done = await maintenance.applyAtRest();
      if (!done.ok)
        core.logger.warn('traces of encrypted items wait to be sealed', { reason: done.error.type });
    },

    stop: async () => {
      stopped = true;
      idleTimer?.cancel();
      await running;
    },
  };
}

/** After a start there is more urgent work. */
const firstIdleMs = 60_000;
const retryIdleMs = 600_000;
/** What a command of the terminal may take longer for it, once a day. */
const maxRoundMs = secondMs;

/** Sets every item that differs to what it was, as edits of this device; answers which. */
async function setBack(
  core: DeviceCore,
  reader: SnapshotReader,
): Promise<Result<readonly ItemId[], DeviceError>> {
  const differing = await reader.differences();
  if (!differing.ok) return snapshotFailure(differing.error);
  for (let from = 0; from < differing.value.length; from += editsPerTransaction) {
    const edits = await reader.edits(differing.value.slice(from, from + editsPerTransaction));
    if (!edits.ok) return snapshotFailure(edits.error);
    const written = await write(core, context => {
      for (const { itemId, content, deleted } of edits.value) {
        const kept = content ?? readItem(context.store, itemId)?.content;
        if (kept === undefined || !context.store.payloads.canWrite(kept.sensitive)) return lockedFailure();
        editItem(context, itemId, { content: kept, deleted });
      }
      return ok();
    });
    if (!written.ok) return written;
  }
  return differing;
}

/** What reading a snapshot, or the store beside it, has come to. */
function snapshotFailure(error: StorageError): Err<DeviceError> {
  if (error.type === 'damaged') {
    return failure(
      'storage',
      `The snapshot is damaged, so it cannot be gone back to (${error.detail}). Choose another one.`,
    );
  }
  if (error.type === 'io' && error.code === 'ENOENT') {
    return failure(
      'unknownSnapshot',
      'The snapshot is gone: it was older than what is kept. Choose another one.',
    );
  }
  return storageFailure(error);
}

function snapshotJson({ id, atMs, reason, items, bytes }: Snapshot): SnapshotJson {
  return { id, at: isoTime(atMs), reason, items, bytes };
}
