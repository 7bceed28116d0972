import assert from 'node:assert/strict';
import fc from 'fast-check';
import { systemRandom } from '../../src/base/random';
import { minuteMs } from '../../src/base/time';
import type { Content } from '../../src/model/content';
import { createChangeId } from '../../src/model/ids/createId';
import { parseStamp, type Stamp } from '../../src/model/ids/stamp';
import { listItems, readItem, writeItem } from '../../src/store/items';
import {
  acknowledge,
  changesInFlight,
  countPendingItems,
  freeze,
  itemChangeInFlight,
  putWaitingItemChange,
  sendableChanges,
  thaw,
  waitingItemChange,
} from '../../src/store/outbox';
import { Payloads } from '../../src/store/payloads';
import { searchItems } from '../../src/store/search/searchItems';
import type { Store } from '../../src/store/store';
import { setSyncedItem } from '../../src/store/synced/syncedVersions';
import type { StoreTransaction } from '../../src/store/transaction';
import { pruneVersions } from '../../src/store/upkeep/versionUpkeep';
import { listVersions, recordVersion, setVersionNumber } from '../../src/store/versions';
import {
  desktop,
  inStore,
  itemId,
  note,
  openMemoryStore,
  stampAt,
  testCipher,
  tryInStore,
} from '../support/storeFixture';

/** What a state of an item is, in the simplest form that the store must agree with. */
interface State {
  readonly stamp: Stamp;
  readonly content: Content;
  readonly deleted: boolean;
  version: number;
}

interface Sent {
  readonly state: State;
  readonly base: Base;
}

interface Base {
  readonly version: number;
  readonly stamp: Stamp | undefined;
  readonly content: Content | undefined;
}

/** An item in the model: every state that it has had, what waits, what is in flight, what is synced. */
class ItemModel {
  readonly states: State[] = [];
  waiting: Sent | undefined;
  flying: Sent | undefined;
  synced: { version: number; stamp: Stamp } | undefined;

  get current(): State | undefined {
    return this.states.at(-1);
  }
}

type Command = (model: Map<number, ItemModel>, tx: StoreTransaction, clock: { nowMs: number }) => void;

const items = 3;
const words = ['apple', 'banane', '桜桃', 'fooBar', 'naïve'] as const;

const content = fc
  .record({
    title: fc.constantFrom(...words),
    body: fc.array(fc.constantFrom(...words), { maxLength: 5 }),
    sensitive: fc.boolean(),
  })
  .map(({ title, body, sensitive }) => note(title, body.join(' '), { sensitive }));
const item = fc.integer({ min: 1, max: items });

/** A person's edit. */
const edit = fc.tuple(item, content, fc.boolean()).map(
  ([number, next, deleted]): Command =>
    (model, tx, clock) => {
      const held = modelOf(model, number);
      const stamp = stampAt(clock.nowMs);
      const base: Base =
        held.waiting?.base ??
        (held.flying
          ? { version: 0, stamp: held.flying.state.stamp, content: held.flying.state.content }
          : {
              version: held.synced?.version ?? 0,
              stamp: held.synced?.stamp,
              content: held.synced && held.current?.content,
            });
      const state: State = { stamp, content: next, deleted, version: 0 };
      putWaitingItemChange(tx, {
        itemId: itemId(number),
        type: deleted ? 'delete' : 'upsert',
        stamp,
        rawMs: clock.nowMs,
        content: next,
        base: { ...base, deleted: false },
        ancestors: [],
      });
      write(tx, number, state, clock.nowMs);
      held.states.push(state);
      held.waiting = { state, base };
    },
);

/** A version of another device, where nothing waits. */
const pulled = fc.tuple(item, content).map(
  ([number, next]): Command =>
    (model, tx, clock) => {
      const held = modelOf(model, number);
      if (held.waiting || held.flying) return;
      const stamp = stampAt(clock.nowMs, desktop);
      const version = (held.synced?.version ?? 0) + 1;
      const state: State = { stamp, content: next, deleted: false, version };
      write(tx, number, state, clock.nowMs);
      setSyncedItem(tx, itemId(number), { version, stamp, deleted: false, ancestors: [], keyId: undefined });
      held.states.push(state);
      held.synced = { version, stamp };
    },
);

const sent = fc.constant<Command>((model, tx, clock) => {
  for (const change of sendableChanges(tx, 100)) {
    assert(change.collection === 'item');
    const changeId = createChangeId(systemRandom);
    assert(
      freeze(tx, change, { changeId, frozen: `{"stamp":"${change.stamp}"}`, keyId: undefined }, clock.nowMs),
    );
  }
  for (const held of model.values()) {
    if (held.flying || !held.waiting) continue;
    held.flying = held.waiting;
    held.waiting = undefined;
  }
});

/** The answer to everything in flight: accepted, or to be made anew on another version. */
const answered = fc.boolean().map(
  (isAccepted): Command =>
    (model, tx, clock) => {
      for (const change of changesInFlight(tx, 100)) {
        assert(change.collection === 'item');
        const held = modelOf(model, numberOf(change.itemId));
        const { flying } = held;
        assert(flying);
        held.flying = undefined;
        if (!isAccepted) {
          thaw(tx, change);
          held.waiting = { state: held.waiting?.state ?? flying.state, base: flying.base };
          continue;
        }
        const version = (held.synced?.version ?? 0) + 1;
        acknowledge(tx, change, clock.nowMs);
        setSyncedItem(tx, change.itemId, {
          version,
          stamp: change.stamp,
          deleted: false,
          ancestors: [],
          keyId: undefined,
        });
        setVersionNumber(tx, change.itemId, change.stamp, version);
        held.synced = { version, stamp: change.stamp };
        flying.state.version = version;
      }
    },
);

const tidied = fc.constant<Command>((_model, tx, clock) => {
  let after: string | undefined = '';
  while (after !== undefined) after = pruneVersions(tx, { nowMs: clock.nowMs, keepDays: 90 }, after);
});

describe('the store against a model of it', () => {
  it('agrees on items, outbox, history and search after any run of edits, pulls and answers', async () => {
    const step = fc.record({
      command: fc.oneof({ weight: 4, arbitrary: edit }, pulled, sent, answered, tidied),
      waitMs: fc.integer({ min: 1, max: 20 * minuteMs }),
      isUndone: fc.integer({ min: 0, max: 9 }).map(drawn => drawn === 0),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.constantFrom<'sensitive' | 'all'>('sensitive', 'sensitive', 'all'),
        async (steps, policy) => {
          const store = await openMemoryStore(new Payloads(testCipher(), policy));
          let model = new Map<number, ItemModel>();
          const clock = { nowMs: 1_000_000 };
          for (const { command, waitMs, isUndone } of steps) {
            clock.nowMs += waitMs;
            const next = copyOf(model);
            if (isUndone) {
              await tryInStore(store, tx => command(copyOf(model), tx, clock));
              continue;
            }
            await inStore(store, tx => command(next, tx, clock));
            model = next;
          }
          await compare(store, model, policy);
          await store.close();
        },
      ),
      { numRuns: 150, ...(process.env['SEED'] === undefined ? {} : { seed: Number(process.env['SEED']) }) },
    );
  }).timeout(120_000);
});

async function compare(
  store: Store,
  model: Map<number, ItemModel>,
  policy: 'sensitive' | 'all',
): Promise<void> {
  await inStore(store, tx => {
    for (const [number, held] of model) {
      const id = itemId(number);
      const stored = readItem(tx, id);
      const { current } = held;
      assert(stored && current);
      assert.deepEqual(
        [stored.content, stored.lastModified, stored.deleted, stored.version, stored.syncedStamp],
        [current.content, current.stamp, current.deleted, held.synced?.version ?? 0, held.synced?.stamp],
      );
      assert.deepEqual(sentOf(waitingItemChange(tx, id)), modelSent(held.waiting));
      assert.deepEqual(sentOf(itemChangeInFlight(tx, id)), modelSent(held.flying));
      const history = listVersions(tx, id).map(({ content: text, stamp, deleted, version }) => ({
        stamp,
        content: text,
        deleted,
        version,
      }));
      assert.deepEqual(history, [...held.states].reverse());
    }
    const states = [...model.values()];
    assert.equal(countPendingItems(tx), states.filter(held => held.waiting ?? held.flying).length);
    for (const deleted of [false, true]) {
      const expected = [...model]
        .flatMap(([number, { current }]) =>
          current && current.deleted === deleted ? [{ number, current }] : [],
        )
        .sort((left, right) => (left.current.stamp < right.current.stamp ? 1 : -1))
        .map(({ number }) => itemId(number));
      assert.deepEqual(
        listItems(tx, { deleted }).map(each => each.id),
        expected,
      );
    }
    for (const word of words) {
      const expected = [...model].flatMap(([number, { current }]) => {
        const holds = current && `${current.content.title} ${current.content.body}`.includes(word);
        return holds && !current.deleted && !current.content.sensitive ? [String(itemId(number))] : [];
      });
      const found = searchItems(tx, word, 10).map(hit => String(hit.item.id));
      assert.deepEqual(found.sort(), expected.sort(), `${word} under ${policy}`);
    }
  });
}

function write(
  tx: StoreTransaction,
  number: number,
  { stamp, content: next, deleted, version }: State,
  nowMs: number,
): void {
  const state = { content: next, deleted, deviceId: parseStamp(stamp).deviceId };
  writeItem(tx, { id: itemId(number), lastModified: stamp, ...state }, nowMs);
  recordVersion(tx, itemId(number), { stamp, version, ...state }, nowMs, false);
}

function modelOf(model: Map<number, ItemModel>, number: number): ItemModel {
  const held = model.get(number) ?? new ItemModel();
  model.set(number, held);
  return held;
}

function copyOf(model: Map<number, ItemModel>): Map<number, ItemModel> {
  return new Map(
    [...model].map(([number, held]) => {
      const copies = new Map(held.states.map(state => [state, { ...state }]));
      const copy = new ItemModel();
      copy.states.push(...copies.values());
      const sentCopy = (from: Sent | undefined) =>
        from && { ...from, state: copies.get(from.state) ?? from.state };
      copy.waiting = sentCopy(held.waiting);
      copy.flying = sentCopy(held.flying);
      copy.synced = held.synced;
      return [number, copy];
    }),
  );
}

const numberOf = (id: string): number => Number(id.slice(-12));

function modelSent(from: Sent | undefined): object | undefined {
  return (
    from && {
      stamp: from.state.stamp,
      content: from.state.content,
      deleted: from.state.deleted,
      base: from.base,
    }
  );
}

function sentOf(change: ReturnType<typeof waitingItemChange>): object | undefined {
  if (!change) return undefined;
  const { version, stamp, content: text } = change.base;
  return {
    stamp: change.stamp,
    content: change.content,
    deleted: change.type === 'delete',
    base: { version, stamp, content: text },
  };
}
