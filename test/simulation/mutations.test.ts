import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryFolder } from '../../src/build/paths';
import { isExtended } from '../support/extended';
import { catchMutation, maxMutantRuns } from './mutationRuns';
import { mutations } from './mutations';

/** Each mutant is the engine with one rule taken out. `EXTENDED=1` tries all of them. */
describe('mutants of the engine', () => {
  it('are written against the engine as it is', async () => {
    for (const { name, replacements } of mutations) {
      for (const { file, text } of replacements) {
        const source = await readFile(join(repositoryFolder, 'src', file), 'utf8');
        assert.equal(source.split(text).length, 2, `${name}: src/${file} has this once: ${text}`);
      }
    }
  });

  for (const mutation of mutations.filter(({ isQuick }) => isExtended || isQuick)) {
    it(`are caught when ${mutation.name}`, async function () {
      this.timeout(10 * 60_000);
      const caught = await catchMutation(mutation, 1, { maxRuns: maxMutantRuns });
      assert.equal(caught.type, 'caught', `it escaped ${caught.runs} runs`);
    });
  }
});
