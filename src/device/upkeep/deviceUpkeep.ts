import { ok, type Result } from '../../base/result';
import { isoTime, secondMs, type Timer } from '../../base/time';
import type { StorageError } from '../../sqlite/database';
import type { Snapshot, SnapshotReason } from '../../store/snapshots/snapshotFiles';
import type { StoreMaintenance } from '../../store/upkeep/maintenance';
import { currentDigest, recomputeDigest } from '../../sync/reconcile/digest';
import type { DeviceCore } from '../core';
import type { DeviceUpkeep, Housekeeping } from '../device';
import { storageFailure } from '../failures';
import type { SnapshotJson } from '../json';
import { findingJson } from './findings';
import { rollBack } from './rollBack';

/** Snapshots, roll back, the doctor, and what is done when nothing else goes on. */
export interface Upkeep {
  readonly commands: DeviceUpkeep;
  readonly housekeeping: Housekeeping;
  /** Takes a snapshot for a reason of the device's own; answers its id. */
  keepSnapshot(reason: SnapshotReason): Promise<Result<string, StorageError>>;
  /** Ends with the step that runs. */
  stop(): Promise<void>;
}

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

      rollBack: id => rollBack(core, snapshots, id, changed),

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

function snapshotJson({ id, atMs, reason, items, bytes }: Snapshot): SnapshotJson {
  return { id, at: isoTime(atMs), reason, items, bytes };
}
