import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { secondMs } from '../../../src/base/time';
import { runNode } from '../../../src/build/childProcess';

/** Scripts with arguments that they do not know, and a part of what they then say is possible. */
const wrong: readonly (readonly [script: string, args: readonly string[], says: RegExp])[] = [
  ['test/simulation/simulate.ts', ['--bogus'], /--bogus.*npm run simulate -- .*--seed S/],
  ['test/simulation/simulate.ts', ['--runs', 'many'], /--runs: .*--runs N/],
  ['test/simulation/simulate.ts', ['--faults', 'bogus'], /--faults.*--faults network/],
  ['test/bench/bench.ts', ['bogus'], /bogus.*npm run bench -- \[activation\|store\|sync\]/],
  ['test/bench/bench.ts', ['--bogus'], /--bogus.*npm run bench/],
  ['test/host/tour.ts', ['bogus'], /bogus.*npm run tour$/],
  ['src/build/test.ts', ['bogus'], /bogus.*npm test -- \[unit\|simulation\|/],
  ['src/build/test.ts', ['unit', '--grep'], /--grep.*--grep TEXT/],
  ['src/build/build.ts', ['bogus'], /bogus.*\[extension\|worker\|cli\|server\]/],
  ['src/build/package.ts', ['--bogus'], /--bogus.*npm run package$/],
  ['src/build/check.ts', ['--bogus'], /--bogus.*npm run check$/],
  ['src/build/start.ts', ['--bogus'], /--bogus.*npm start$/],
];

describe('a script of the project', () => {
  for (const [script, args, says] of wrong) {
    it(`says in one line what is possible: ${script} ${args.join(' ')}`, async () => {
      const end = await runNode({
        args: ['--import', 'tsx', script, ...args],
        output: 'keep',
        limitMs: 15 * secondMs,
      });
      assert.equal(end.code, 2, end.output);
      assert.match(end.output, /^[^\n]+\n$/);
      assert.match(end.output.trim(), says);
    });
  }
});
