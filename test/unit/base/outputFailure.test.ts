import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'mocha';
import { tellFailedOutput } from '../../../src/base/outputFailure';

function failing(...codes: readonly string[]): readonly string[] {
  const told: string[] = [];
  const out = new EventEmitter();
  tellFailedOutput(out, line => told.push(line));
  for (const code of codes) out.emit('error', Object.assign(new Error(`write ${code}`), { code }));
  return told;
}

describe('standard output that fails', () => {
  it('is told once, in a line with the reason', () => {
    const told = failing('ENOSPC', 'ENOSPC');
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', /^Standard output cannot be written \(ENOSPC\)[^\n]+$/);
  });

  it('is no failure when its reader has seen enough', () => {
    assert.deepEqual(failing('EPIPE'), []);
  });
});
