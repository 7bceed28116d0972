import type { Mutation } from './mutation';

/** Mutants of rules that chance seldom puts to the test: a scene has to notice each. */
export const rareMutations: readonly Mutation[] = [
  {
    name: 'a re-seal is stamped with now',
    isCaughtByScene: true,
    rule: '† a re-seal takes the stamp just after its base',
    replacements: [
      {
        file: 'sync/push/reseal.ts',
        text: 'const stamp = stampAfter(held.syncedStamp, device.id);',
        by: 'const stamp = stampAfter(`${String(wallMs).padStart(16, "0")}${held.syncedStamp.slice(16)}` as typeof held.syncedStamp, device.id);',
      },
    ],
  },
  {
    name: 'sent changes are stamped anew',
    isCaughtByScene: true,
    rule: '† sent changes are never stamped anew',
    replacements: [
      {
        file: 'store/outbox.ts',
        text: 'UPDATE changes SET change_id = ?, frozen = ?, key_id = ?, sent_ms = ?, raw_ms = NULL',
        by: 'UPDATE changes SET change_id = ?, frozen = ?, key_id = ?, sent_ms = ?',
      },
    ],
  },
  {
    name: 'two resolutions of a record merge like edits',
    isCaughtByScene: true,
    rule: '† of two resolutions of one record the later stamp wins and no new record arises',
    replacements: [
      {
        file: 'sync/pull/applyItem.ts',
        text: 'if (waiting.resolves !== undefined && waiting.resolves === remote.document.resolves) {',
        by: 'if (waiting.rowId < 0) {',
      },
    ],
  },
  {
    name: 'a record may be no larger than an item for the device',
    isCaughtByScene: true,
    rule: '† a record may be three times an item’s limit and 64 KiB',
    replacements: [
      {
        file: 'sync/sealing/sealing.ts',
        text: 'changeType, stamp },\n    options.keys,\n    maxConflictRecordBytes(options.limits.maxItemBytes),',
        by: 'changeType, stamp },\n    options.keys,\n    options.limits.maxItemBytes,',
      },
    ],
  },
  {
    name: 'a record may be no larger than an item for the server',
    isCaughtByScene: true,
    rule: '† a record may be three times an item’s limit and 64 KiB',
    replacements: [
      {
        file: 'server/acceptance.ts',
        text: "change.collection === 'item' ? maxItemBytes : maxConflictRecordBytes(maxItemBytes);",
        by: 'maxItemBytes;',
      },
    ],
  },
  {
    name: 'open records are pruned',
    isCaughtByScene: true,
    rule: '† open records are never pruned',
    replacements: [
      {
        file: 'store/conflicts.ts',
        text: "WHERE state <> 'open' AND deleted = 0 AND trimmed = 0)",
        by: 'WHERE deleted = 0 AND trimmed = 0)',
      },
    ],
  },
  {
    name: 'the guard counts each page for itself',
    isCaughtByScene: true,
    rule: '† a mass change is counted over pages',
    replacements: [
      {
        file: 'sync/pull/applyVersions.ts',
        text: 'overwriting(run, context, overwritesOf(context, itemsOf(chunk)), () =>',
        by: 'overwriting(run, context, [], () =>',
      },
    ],
  },
  {
    name: 'the guard counts each answer to a push for itself',
    isCaughtByScene: true,
    rule: '† a mass change is counted over push answers',
    replacements: [
      {
        file: 'sync/push/pushAnswers.ts',
        text: "overwriting(run, context, met.type === 'item' ? overwritesOf(context, [met.item]) : [], () =>",
        by: 'overwriting(run, context, [], () =>',
      },
    ],
  },
  {
    name: 'the guard counts each part of a reconcile for itself',
    isCaughtByScene: true,
    rule: '† a mass change is counted over reconciles',
    replacements: [
      {
        file: 'sync/reconcile/reconcile.ts',
        text: 'overwriting(run, context, overwritesOf(context, items), () =>',
        by: 'overwriting(run, context, [], () =>',
      },
    ],
  },
  {
    name: 'a lease is taken over by the wall clock',
    isCaughtByScene: true,
    rule: '† a lease is taken over after a heartbeat unchanged for its term on the observer’s monotonic clock',
    replacements: [
      {
        file: 'sqlite/lock/processLock.ts',
        text: 'const nowMs = clock.monotonic();',
        by: 'const nowMs = clock.now();',
      },
    ],
  },
  {
    name: 'what the server tells of sets off nothing',
    isCaughtByScene: true,
    rule: 'a cycle runs on an event from the server',
    replacements: [
      {
        file: 'device/sync/syncControl.ts',
        text: 'onChange: () => this.#scheduler.serverEvent(),',
        by: 'onChange: () => undefined,',
      },
    ],
  },
  {
    name: 'a save sets off nothing',
    isCaughtByScene: true,
    rule: 'a cycle runs after a save',
    replacements: [
      {
        file: 'device/sync/syncControl.ts',
        text: 'if (this.#started) this.#scheduler.saved();',
        by: '',
      },
    ],
  },
  {
    name: 'time sets off nothing',
    isCaughtByScene: true,
    rule: 'a cycle runs every 5 minutes while a window is focused',
    replacements: [
      {
        file: 'sync/schedule/scheduler.ts',
        text: "if (this.#focused) this.#trigger('timer');",
        by: '',
      },
    ],
  },
  {
    name: 'a cycle that failed is not tried again',
    isCaughtByScene: true,
    rule: 'failures are tried again with exponential backoff',
    replacements: [
      {
        file: 'sync/schedule/scheduler.ts',
        text: 'this.#retryIn(this.#backoff.next(end.retryAfterMs));',
        by: 'this.#backoff.next(end.retryAfterMs);',
      },
    ],
  },
];
