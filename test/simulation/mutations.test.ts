import assert from 'node:assert/strict';
import { isExtended } from '../support/extended';
import { catchMutation, maxMutantRuns } from './mutationRuns';
import { mutations } from './mutations';

/** Each mutant is the engine with one rule taken out. `EXTENDED=1` tries all of them. */
describe('mutants of the engine', () => {
  for (const mutation of mutations.filter(({ isQuick }) => isExtended || isQuick)) {
    it(`are caught when ${mutation.name}`, async function () {
      this.timeout(10 * 60_000);
      const caught = await catchMutation(mutation, 1, { maxRuns: maxMutantRuns });
      assert.equal(caught.type, 'caught', `it escaped ${caught.runs} runs`);
    });
  }
});
