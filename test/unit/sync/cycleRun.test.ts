import assert from 'node:assert/strict';
import { ok } from '../../../src/base/result';
import { readState, writeState } from '../../../src/store/state';
import { CycleRun } from '../../../src/sync/cycleRun';
import { createAccount, type SyncDevice } from '../../support/syncDevice';

describe('the writes of a cycle', () => {
  /** A cycle that begins now, in a window of the device. */
  async function begin(device: SyncDevice): Promise<CycleRun> {
    const fence = await device.read(store => readState(store, 'fence') ?? 0);
    return new CycleRun(device.dependencies(), { fence, cursor: undefined, offsetMs: 0 });
  }
  const move = (run: CycleRun, cursor: string) =>
    run.write(({ store }) => writeState(store, 'cursor', cursor));

  it('are refused once the cycle of another window has committed', async () => {
    const laptop = await (await createAccount()).device('laptop');
    const first = await begin(laptop);
    assert.deepEqual(await move(first, 'first'), ok());
    const second = await begin(laptop);
    assert.deepEqual(await move(second, 'second'), ok());
    assert.deepEqual(await move(first, 'late'), { ok: false, error: { type: 'fenced' } });
    assert.equal(await laptop.read(store => readState(store, 'cursor')), 'second');
  });

  it('are refused when the former owner of the lease committed after this one had begun', async () => {
    const laptop = await (await createAccount()).device('laptop');
    const former = await begin(laptop);
    await move(former, 'first');
    const present = await begin(laptop);
    assert.deepEqual(await move(former, 'second'), ok());
    assert.deepEqual(await move(present, 'stale'), { ok: false, error: { type: 'fenced' } });
    assert.equal(await laptop.read(store => readState(store, 'cursor')), 'second');
  });

  it('may overlap', async () => {
    const laptop = await (await createAccount()).device('laptop');
    const run = await begin(laptop);
    const cursors = ['a', 'b', 'c'];
    assert.deepEqual(await Promise.all(cursors.map(cursor => move(run, cursor))), [ok(), ok(), ok()]);
    assert.equal(await laptop.read(store => readState(store, 'cursor')), 'c');
  });
});
