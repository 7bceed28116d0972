import { type Err, ok, type Result } from '../../base/result';
import type { Conflict } from '../../model/conflict';
import { normalizeText } from '../../model/plainText';
import { listConflicts, readConflict } from '../../store/conflicts';
import { readItem } from '../../store/items';
import type { StoreTransaction } from '../../store/transaction';
import type { MergeContext } from '../../sync/context';
import { type Choice, reopenConflict, resolveConflict } from '../../sync/edits/resolveConflict';
import { hasConflictMarkers, mergeText } from '../../sync/merge/textMerge';
import { conflictIdOfPrefix, type DeviceCore, read, write } from '../core';
import type { DeviceConflicts } from '../device';
import type { DeviceError } from '../deviceError';
import { failure, lockedFailure } from '../failures';
import type { ConflictJson, ResolveJson } from '../json';
import { bodyProblem } from './itemFields';
import { conflictJson, localSideOf } from './itemJson';

/** @param changed told of the items that were written */
export function createDeviceConflicts(
  core: DeviceCore,
  changed: (ids: readonly string[]) => void,
): DeviceConflicts {
  const json = (conflict: Conflict) => conflictJson(conflict, core.deviceId);

  const revise = async (
    id: string,
    work: (
      context: MergeContext,
      conflict: Conflict,
    ) => Result<{ readonly conflict: Conflict; readonly written: readonly string[] }, DeviceError>,
  ): Promise<Result<ConflictJson, DeviceError>> => {
    const written = await write(core, context => {
      const conflict = existingConflict(context.store, id);
      if (!conflict.ok) return conflict;
      const item = readItem(context.store, conflict.value.itemId);
      return item && item.content === undefined ? lockedFailure() : work(context, conflict.value);
    });
    if (!written.ok) return written;
    changed(written.value.written);
    return ok(json(written.value.conflict));
  };

  return {
    list: ({ all }) =>
      read(core, store =>
        ok(
          listConflicts(store, all ? ['open', 'resolved', 'auto'] : ['open']).flatMap(({ conflict }) =>
            conflict === undefined ? [] : [json(conflict)],
          ),
        ),
      ),

    get: id =>
      read(core, store => {
        const conflict = existingConflict(store, id);
        return conflict.ok ? ok(json(conflict.value)) : conflict;
      }),

    mergeText: id =>
      read(core, store => {
        const conflict = existingConflict(store, id);
        if (!conflict.ok) return conflict;
        const { local, remote, base } = json(conflict.value);
        const merged = mergeText(base?.body ?? '', local.body, remote.body);
        const labels = {
          left: `local (${local.deviceName})`,
          base: 'base',
          right: `remote (${remote.deviceName})`,
        };
        return ok({
          text: merged.clean ? merged.text : merged.markers(labels),
          hasMarkers: !merged.clean,
        });
      }),

    resolve: async (id, how) => {
      const problem = 'body' in how ? mergeProblem(how.body) : undefined;
      if (problem !== undefined) return problem;
      return revise(id, (context, conflict) =>
        ok(resolveConflict(context, conflict, choiceOf(conflict, core, how))),
      );
    },

    undo: id =>
      revise(id, (context, conflict) => {
        if (conflict.state === 'open') {
          return failure('badInput', 'This conflict is open: there is nothing to undo.');
        }
        const side = conflict.state === 'auto' ? localSideOf(conflict, core.deviceId) : 'later';
        const reopened = reopenConflict(context, conflict, conflict[side]);
        return ok({ conflict: reopened, written: [conflict.itemId] });
      }),
  };
}

function existingConflict(store: StoreTransaction, given: string): Result<Conflict, DeviceError> {
  const id = conflictIdOfPrefix(store, given);
  if (!id.ok) return id;
  const held = readConflict(store, id.value);
  if (held === undefined || held.deleted) {
    return failure(
      'unknownConflict',
      'The conflict record is gone. List the conflicts to see what there is.',
    );
  }
  return held.conflict === undefined ? lockedFailure() : ok(held.conflict);
}

function choiceOf(conflict: Conflict, core: DeviceCore, how: ResolveJson): Choice {
  if ('body' in how) return { keep: 'merge', body: normalizeText(how.body) };
  if (how.keep === 'both') return { keep: 'both' };
  const local = localSideOf(conflict, core.deviceId);
  const other = local === 'earlier' ? 'later' : 'earlier';
  return how.keep === 'local' ? { keep: local, as: 'keepLocal' } : { keep: other, as: 'keepRemote' };
}

function mergeProblem(body: string): Err<DeviceError> | undefined {
  if (hasConflictMarkers(body)) {
    return failure(
      'markersRemain',
      'Conflict markers remain in the text (<<<<<<<, =======, >>>>>>>). Choose for each place, then accept.',
    );
  }
  return bodyProblem(normalizeText(body));
}
