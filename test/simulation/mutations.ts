import type { Mutation } from './mutation';
import { rareMutations } from './rareMutations';

export const mutations: readonly Mutation[] = [
  {
    name: 'stamps follow the wall clock backwards',
    rule: '† stamps strictly grow along the versions of an item',
    replacements: [
      {
        file: 'sync/clock/clock.ts',
        text: 'const stamp = after !== undefined && ticked <= after ? stampAfter(after, deviceId) : ticked;',
        by: 'const stamp = formatStamp({ millis: nowMs, counter: 0, deviceId }); void after;',
      },
      {
        file: 'server/acceptance.ts',
        text: "change.collection === 'item' && head !== undefined && change.timestamp <= head.timestamp",
        by: 'change.timestamp.length < 0',
      },
    ],
  },
  {
    name: 'replays are applied',
    isCaughtByScene: true,
    rule: '† a pulled stamp below the held one is reported as a replay',
    replacements: [
      {
        file: 'sync/pull/applyItem.ts',
        text: "if (held.syncedStamp !== undefined && remote.stamp <= held.syncedStamp) return 'replayed';",
        by: '',
      },
    ],
  },
  {
    name: 'the wall clock is trusted',
    rule: '† a device stamps with corrected time',
    replacements: [
      {
        file: 'sync/clock/clock.ts',
        text: "return boundedMillis(wallMs + (readState(store, 'clockOffsetMs') ?? 0));",
        by: 'return boundedMillis(wallMs);',
      },
    ],
    isQuick: true,
  },
  {
    name: 'a step of the server clock is followed',
    isCaughtByScene: true,
    rule: '† a step of the server’s time that nothing explains is shown, not followed',
    replacements: [
      {
        file: 'sync/clock/clockOffset.ts',
        text: 'if (Math.min(byMonotonic, byWall) <= toleranceMs + roundTripMs) return undefined;',
        by: 'if (Math.min(byMonotonic, byWall) + toleranceMs + roundTripMs < Number.POSITIVE_INFINITY) return undefined;',
      },
    ],
  },
  {
    name: 'changes that were never sent keep their stamps',
    isCaughtByScene: true,
    rule: '† a change that has never been sent is stamped anew when a large offset is discovered',
    replacements: [
      {
        file: 'sync/clock/restamp.ts',
        text: 'if (Math.abs(movedMs) < minRestampMs) return 0;',
        by: 'if (Math.abs(movedMs) >= 0) return 0;',
      },
    ],
  },
  {
    name: 'a refused stamp is never corrected',
    isCaughtByScene: true,
    rule: 'one bad stamp never stalls the rest; the device corrects and retries',
    replacements: [
      {
        file: 'sync/push/pushAnswers.ts',
        text: 'if (current) restampRefused(context, current, serverMs);',
        by: 'void current; void restampRefused; void serverMs;',
      },
    ],
  },
  {
    name: 'a merge is stamped with now',
    rule: '† an automatic merge takes the stamp just after its later parent',
    replacements: [
      {
        file: 'sync/pull/applyItem.ts',
        text: 'return stampAfter(localIsLater ? waiting.stamp : remote.stamp, context.device.id);',
        by: 'return stampAfter(`${String(context.wallMs + 60_000).padStart(16, "0")}${remote.stamp.slice(16)}` as typeof remote.stamp, context.device.id);',
      },
    ],
  },
  {
    name: 'the base is not checked',
    rule: 'the server refuses a change whose base is not the current version',
    replacements: [
      {
        file: 'server/acceptance.ts',
        text: 'return change.baseVersion === (head?.version ?? 0) && change.baseTimestamp === (head?.timestamp ?? null);',
        by: 'return true;',
      },
    ],
    isQuick: true,
  },
  {
    name: 'the base is checked by version alone',
    isCaughtByScene: true,
    rule: '† both the version and the stamp of the base must match',
    replacements: [
      {
        file: 'server/acceptance.ts',
        text: 'return change.baseVersion === (head?.version ?? 0) && change.baseTimestamp === (head?.timestamp ?? null);',
        by: 'return change.baseVersion === (head?.version ?? 0);',
      },
    ],
  },
  {
    name: 'what is in flight is sent under a new id',
    rule: '† a change is frozen when it is first sent, and sent again byte for byte',
    replacements: [
      {
        file: 'sync/push/push.ts',
        text: "if (sent.length === 0) return ok({ type: 'done' });",
        by: "await run.write(({ store }) => { for (const { change } of sent) thaw(store, change); }); if (sent.length >= 0) return ok({ type: 'done' });",
      },
    ],
    isQuick: true,
  },
  {
    name: 'a change is sealed anew when it is sent again',
    rule: '† a change is frozen when it is first sent, and sent again byte for byte',
    replacements: [
      {
        file: 'sync/push/push.ts',
        text: 'sent.map(({ flight }) => flight.frozen),',
        by: 'sent.map(({ flight }) => flight.frozen.replace(/"payload":"..../, () => `"payload":"${Buffer.from(run.dependencies.random.bytes(3)).toString("base64url")}`)),',
      },
    ],
  },
  {
    name: 'accepted answers are not remembered',
    rule: '† the server remembers accepted answers until the device acknowledges a later cursor',
    replacements: [
      {
        file: 'server/acceptance.ts',
        text: 'this.#state.remembered.get(changeId) ?? this.#answered.get(changeId)',
        by: 'this.#answered.get(changeId)',
      },
    ],
    isQuick: true,
  },
  {
    name: 'a re-based change keeps its id',
    rule: '† after any other answer the re-based change takes a new id',
    replacements: [
      {
        file: 'sync/push/push.ts',
        text: 'const changeId = createChangeId(random);',
        by: 'const changeId = createChangeId({ ...random, uuid: () => change.collection === "item" ? change.itemId : createChangeId(random) });',
      },
    ],
  },
  {
    name: 'the cursor skips one',
    rule: 'a reader never skips a sequence number',
    replacements: [
      {
        file: 'server/storage/sqlitePull.ts',
        text: 'const since = request.cursor?.sequence ?? 0;\n  const floor',
        by: 'const since = request.cursor === null ? 0 : request.cursor.sequence + 1;\n  const floor',
      },
    ],
    isQuick: true,
  },
  {
    name: 'the mark of a cursor is not looked at',
    rule: '† a mark that the server does not know starts a new epoch before anything is applied or accepted',
    replacements: [
      {
        file: 'server/storage/positions.ts',
        text: "if (markAt(tx, position.account, marked) !== cursor.mark) return { type: 'epochChanged', startedNow: true };",
        by: '',
      },
      {
        file: 'server/storage/positions.ts',
        text: "if (marked > position.sequence) return { type: 'epochChanged', startedNow: true };",
        by: '',
      },
    ],
  },
  {
    name: 'a new epoch deletes what the server lacks',
    rule: '† in a new epoch the device pushes again what the server lacks',
    replacements: [
      {
        file: 'sync/reconcile/reconcileItem.ts',
        text: "if (reason !== 'newEpoch') {\n    // In the same epoch",
        by: 'if (reason.length > 0) {\n    // In the same epoch',
      },
    ],
  },
  {
    name: 'what was deleted and pruned is pushed again',
    isCaughtByScene: true,
    rule: '† in the same epoch what the server lacks was deleted and pruned',
    replacements: [
      {
        file: 'sync/reconcile/reconcileItem.ts',
        text: "if (reason !== 'newEpoch') {\n    // In the same epoch",
        by: 'if (reason.length < 0) {\n    // In the same epoch',
      },
    ],
  },
  {
    name: 'a save overwrites what the document has not read',
    rule: '† the base of a save is the revision that the document last read',
    replacements: [
      {
        file: 'sync/edits/settleSave.ts',
        text: 'const upToDate = !wasDeleted && (content.body === base.body || content.body === body);',
        by: 'const upToDate = !wasDeleted;',
      },
    ],
  },
  {
    name: 'the halves of a resolution go apart',
    isCaughtByScene: true,
    rule: '† a resolution is one atomic pair of the item’s change and the record',
    replacements: [
      {
        file: 'sync/sealing/sealing.ts',
        text: '...(change.groupId === undefined ? {} : { group: change.groupId }),',
        by: '',
      },
      {
        file: 'sync/sealing/sealing.ts',
        text: '...(options.groupId === undefined ? {} : { group: options.groupId }),',
        by: '',
      },
    ],
  },
  {
    name: 'records are ordered by stamp alone',
    isCaughtByScene: true,
    rule: '† of two states of a record the one with the higher revision, then stamp, wins',
    replacements: [
      {
        file: 'model/conflict.ts',
        text: 'return left.revision !== right.revision ? left.revision > right.revision : left.stamp > right.stamp;',
        by: 'return left.stamp < right.stamp;',
      },
    ],
  },
  {
    name: 'a mass deletion is applied unasked',
    isCaughtByScene: true,
    rule: '† a mass change holds the whole cycle until a person has answered',
    replacements: [
      {
        file: 'sync/guard.ts',
        text: 'return unusual || wipes || isWhole ? { changed, total } : undefined;',
        by: 'return (unusual || wipes || isWhole) && changed < 0 ? { changed, total } : undefined;',
      },
    ],
  },
  {
    name: 'the fence is not checked',
    isCaughtByScene: true,
    rule: '† every commit of a cycle checks the fencing number in its own transaction',
    replacements: [
      {
        file: 'sync/cycleRun.ts',
        text: "if ((readState(store, 'fence') ?? 0) !== this.#fence) return err({ type: 'fenced' });",
        by: '',
      },
    ],
  },
  {
    name: 'old versions are applied over newer ones',
    isCaughtByScene: true,
    rule: '† commits ignore versions that are not above those held',
    replacements: [
      {
        file: 'sync/pull/applyItem.ts',
        text: 'if (remote.version <= held.version && !begunAnew) {',
        by: 'if (remote.version < 0 && !begunAnew) {',
      },
      {
        file: 'sync/pull/applyItem.ts',
        text: "if (held.syncedStamp !== undefined && remote.stamp <= held.syncedStamp) return 'replayed';",
        by: '',
      },
      {
        file: 'sync/cycleRun.ts',
        text: "if ((readState(store, 'fence') ?? 0) !== this.#fence) return err({ type: 'fenced' });",
        by: '',
      },
    ],
  },
  {
    name: 'the later whole text wins unseen',
    rule: 'overlapping texts leave an open conflict',
    replacements: [
      {
        file: 'sync/pull/applyItem.ts',
        text: 'recordMeeting(context, {',
        by: 'void recordMeeting; ((..._: unknown[]) => undefined)(context, {',
      },
    ],
  },
  {
    name: 'the cursor moves before its page is applied',
    isCaughtByScene: true,
    rule: 'the cursor moves with what it stands for',
    replacements: [
      {
        file: 'sync/pull/pull.ts',
        text: 'const applied = await applyVersions(',
        by: "const early = await run.write(({ store }) => writeState(store, 'cursor', cursor)); if (!early.ok) return early; const applied = await applyVersions(",
      },
    ],
  },
  {
    name: 'a commit is acknowledged and lost',
    rule: 'what is acknowledged is durable',
    replacements: [
      {
        file: 'store/store.ts',
        text: 'export function createStore(database: Database, payloads: Payloads): Store {',
        by: "export function createStore(database: Database, payloads: Payloads): Store { const sound = createSoundStore(database, payloads); let writes = 0; return { ...sound, write: async work => { let done; const isLost = ++writes % 7 === 6; await sound.write(tx => { done = work(tx); return isLost ? { ok: false, error: { type: 'full' } } : done as never; }); return done as never; } }; }\nfunction createSoundStore(database: Database, payloads: Payloads): Store {",
      },
    ],
  },
  {
    name: 'titles travel beside the sealed payload',
    rule: 'no plaintext leaves the device',
    replacements: [
      {
        file: 'sync/sealing/sealing.ts',
        text: "collection: 'item',\n      changeId,",
        by: "collection: 'item',\n      title: content.title,\n      changeId,",
      },
    ],
  },
  {
    name: 'the digest is never compared',
    isCaughtByScene: true,
    rule: 'a device that has pulled everything compares digests',
    replacements: [
      {
        file: 'sync/cycle.ts',
        text: "if (digest === undefined) return ok('same');",
        by: "if (digest !== '') return ok('same');",
      },
    ],
  },
  {
    name: 'a re-seal is merged like an edit',
    isCaughtByScene: true,
    rule: 'what was only sealed anew meets nothing',
    replacements: [
      {
        file: 'sync/pull/applyItem.ts',
        text: 'if (!remote.reseal || ours.content === undefined) return false;',
        by: 'if (String(ours.content) !== "") return false;',
      },
    ],
  },
  {
    name: 'what was sealed before a rotation stays as it is',
    rule: 'a rotation seals everything anew',
    replacements: [
      {
        file: 'sync/push/reseal.ts',
        text: 'if (ring.keys.length === 1) return ok(true);',
        by: 'if (ring.keys.length >= 1) return ok(true);',
      },
    ],
  },
  ...rareMutations,
];
