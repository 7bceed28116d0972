import assert from 'node:assert/strict';
import { broken } from '../../../src/build/houseRules';

describe('house rules', () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ['src/sync/engine.ts', 'const now = Date.now();', 1],
    ['src/base/time.ts', 'const now = Date.now();', 0],
    ['src/sync/engine.ts', 'setTimeout(run, 10);', 1],
    ['src/sync/engine.ts', 'timers.setTimeout(run, 10);', 0],
    ['src/store/items.ts', 'export default class Items {}', 1],
    ['test/unit/x.test.ts', 'const x = y as unknown as Z;', 1],
    ['src/store/items.ts', "export * from './rows';", 1],
    ['src/store/items.ts', 'try { read(); } catch {}', 1],
    ['test/unit/x.test.ts', "it.skip('holds', () => undefined);", 1],
    ['src/store/items.ts', 'const at = isoTime(clock.now());', 0],
  ];
  for (const [file, line, count] of cases) {
    it(`${count === 0 ? 'allows' : 'refuses'} \`${line}\` in ${file}`, () => {
      assert.equal(broken(file, line).length, count);
    });
  }

  it('names the line and the reason', () => {
    assert.deepEqual(broken('src/store/items.ts', '\nMath.random();'), [
      'src/store/items.ts:2: time and chance come in as Clock and Random of src/base: Math.random();',
    ]);
  });

  it('refuses a source file of more than 400 lines, but not a test', () => {
    const text = '\n'.repeat(401);
    assert.equal(broken('src/store/items.ts', text).length, 1);
    assert.equal(broken('test/unit/store/items.test.ts', text).length, 0);
  });
});
