import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import {
  formatStamp,
  isStamp,
  maxCounter,
  maxMillis,
  parseStamp,
  type Stamp,
  stampAfter,
} from '../../src/model/ids/stamp';
import { maxStampAheadMs } from '../../src/protocol/limits';
import { Payloads } from '../../src/store/payloads';
import { storeMigrations } from '../../src/store/schema';
import { writeState } from '../../src/store/state';
import { createStore } from '../../src/store/store';
import { boundedMillis, issueStamp, observeStamp } from '../../src/sync/clock/clock';
import { openMemoryDatabase } from '../support/memoryDatabase';
import { deviceId, inStore } from '../support/storeFixture';

/** fast-check prints the seed of a failure; `SEED` replays it. */
const parameters = process.env['SEED'] === undefined ? {} : { seed: Number(process.env['SEED']) };

const own = deviceId('00000000000000aa');
const other = deviceId('00000000000000bb');
const devices = fc.constantFrom(own, other);
const anyMillis = fc.oneof(
  fc.nat(100_000),
  fc.constantFrom(0, maxMillis - 2000),
  fc.integer({ min: 0, max: maxMillis - 2000 }),
);
const parts = fc.record(
  {
    millis: anyMillis,
    counter: fc.oneof(fc.constantFrom(0, maxCounter), fc.integer({ min: 0, max: maxCounter })),
    deviceId: devices,
  },
  { noNullPrototype: true },
);

/** What may happen to a device's clock. Restarting and a second window are the same: the state is in the store. */
const events = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('issue' as const), subject: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('observe' as const), stamp: parts }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('wall' as const), ms: fc.oneof(anyMillis, fc.constant(-1)) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('tick' as const), ms: fc.nat(10) }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('offset' as const), ms: fc.integer({ min: -1e9, max: 1e9 }) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('restart' as const) }) },
);

describe('the clock, whatever happens', () => {
  it('never repeats a stamp, never runs backwards, and stands above the version that is changed', async () => {
    const database = await openMemoryDatabase(storeMigrations);
    await fc.assert(
      fc.asyncProperty(fc.array(events, { maxLength: 40 }), async happened => {
        const copy = await database.copy();
        const open = () => createStore(copy, new Payloads(undefined, 'sensitive'));
        let store = open();
        let wallMs = 50_000;
        let last: Stamp | undefined;
        const issued = new Set<Stamp>();
        const subjects = new Map<number, Stamp>();
        for (const event of happened) {
          switch (event.type) {
            case 'issue': {
              const after = subjects.get(event.subject);
              const { stamp } = await inStore(store, tx => issueStamp(tx, wallMs, own, after));
              const { stamp: unbound } = await inStore(store, tx => issueStamp(tx, wallMs, own));
              assert.ok(after === undefined || stamp > after, 'above its base');
              assert.ok(last === undefined || unbound > last, 'above every stamp before');
              assert.ok(!issued.has(unbound));
              issued.add(unbound);
              last = unbound;
              subjects.set(event.subject, stamp);
              break;
            }
            case 'observe':
              await inStore(store, tx => observeStamp(tx, wallMs, formatStamp(event.stamp)));
              break;
            case 'wall':
              wallMs = event.ms;
              break;
            case 'tick':
              wallMs += event.ms;
              break;
            case 'offset':
              await inStore(store, tx => writeState(tx, 'clockOffsetMs', event.ms));
              break;
            case 'restart':
              store = open();
          }
        }
        await copy.close();
      }),
      { ...parameters, numRuns: 40 },
    );
  });

  it('is led ahead by what it receives by no more than five minutes', async () => {
    const database = await openMemoryDatabase(storeMigrations);
    const store = createStore(database, new Payloads(undefined, 'sensitive'));
    await fc.assert(
      fc.asyncProperty(fc.array(parts, { maxLength: 10 }), fc.nat(100_000), async (received, wallMs) => {
        const stamp = await inStore(store, tx => {
          tx.sql.run('DELETE FROM meta');
          for (const each of received) observeStamp(tx, wallMs, formatStamp(each));
          return issueStamp(tx, wallMs, own).stamp;
        });
        assert.ok(parseStamp(stamp).millis <= boundedMillis(wallMs) + maxStampAheadMs + 1);
      }),
      parameters,
    );
  });
});

describe('stamps', () => {
  it('are in the order of time, then counter, then device, as texts', () => {
    fc.assert(
      fc.property(parts, parts, (left, right) => {
        const expected =
          left.millis - right.millis ||
          left.counter - right.counter ||
          (left.deviceId < right.deviceId ? -1 : left.deviceId > right.deviceId ? 1 : 0);
        const [first, second] = [formatStamp(left), formatStamp(right)];
        assert.equal(Math.sign(expected), first < second ? -1 : first > second ? 1 : 0);
        assert.deepEqual(parseStamp(first), left);
      }),
      parameters,
    );
  });

  it('just after another are above it and above no later one', () => {
    fc.assert(
      fc.property(parts, devices, (before, device) => {
        const parent = formatStamp(before);
        const next = parseStamp(stampAfter(parent, device));
        assert.ok(formatStamp(next) > parent);
        assert.ok(next.millis <= before.millis + 1);
        assert.ok(next.millis === before.millis || before.counter === maxCounter);
      }),
      parameters,
    );
  });

  it('are recognised among any text', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        if (isStamp(text)) assert.equal(formatStamp(parseStamp(text)), text);
      }),
      parameters,
    );
    fc.assert(
      fc.property(parts, each => {
        assert.ok(isStamp(formatStamp(each)));
        assert.ok(!isStamp(formatStamp(each).toUpperCase().replace(/-/g, '_')));
      }),
      parameters,
    );
  });
});
