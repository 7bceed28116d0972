import assert from 'node:assert/strict';
import { secondMs } from '../../src/base/time';
import { isExtended } from '../support/extended';
import { SeededRandom } from '../support/seededRandom';
import { noFaults } from './simulatedNetwork';
import { Stage } from './stage';

/** One person who takes up one device after the other, and has synced before. */
describe('one person alternating between two devices', () => {
  // Without a lost answer it is the easier half, for when there is time.
  for (const dropAnswer of isExtended ? [0, 0.02] : [0.02]) {
    it(`never sees a conflict in 1,000 edits, with ${100 * dropAnswer} % of the answers lost`, async function () {
      this.timeout(300 * secondMs);
      const stage = await Stage.open(2);
      const id = await stage.create(0, 'a note', 'a line\n');
      await syncSurely(stage, 0);
      for (const number of [0, 1]) {
        stage.device(number).network.use(new SeededRandom(`turns ${number}`), { ...noFaults, dropAnswer });
      }
      for (let edit = 0; edit < edits; edit++) {
        const number = edit % 2;
        await syncSurely(stage, number);
        await stage.rewrite(number, id, `a line\nedit ${edit}\n`);
        await syncSurely(stage, number);
      }
      await stage.world.settle();
      for (const number of [0, 1]) {
        assert.deepEqual(await stage.records(number), []);
        assert.equal((await stage.item(number, id))?.content.body, `a line\nedit ${edits - 1}\n`);
      }
      await stage.close();
    });
  }
});

const edits = 1000;
const maxAttempts = 20;

async function syncSurely(stage: Stage, number: number): Promise<void> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    if ((await stage.sync(number)) === 'done') return;
  }
  assert.fail('the device does not come to sync');
}
