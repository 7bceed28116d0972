import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { systemTimers } from '../../../../src/base/time';
import { endedThread, readHostFacts } from '../../../../src/sqlite/lock/hostFacts';

describe('what is told of other processes', () => {
  const facts = readHostFacts();

  it('is that this thread runs, since when it was started', () => {
    const startTime = facts.startTimeOf(facts.processId, facts.threadId);
    assert.equal(facts.isRunning(facts.processId), true);
    assert.match(startTime ?? (process.platform === 'linux' ? '' : '0'), /^\d+$/);
  });

  if (process.platform === 'linux') {
    it('is that one has ended which nobody has asked how it ended', async () => {
      // The shell turns into a program that never asks after the child which the shell has started.
      const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 600'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        const [line] = await once(createInterface({ input: parent.stdout }), 'line');
        const zombie = Number(line);
        while (!/\) Z /.test(readFileSync(`/proc/${zombie}/stat`, 'latin1'))) await systemTimers.sleep(5);
        assert.equal(facts.isRunning(zombie), true);
        assert.equal(facts.startTimeOf(zombie, zombie), endedThread);
      } finally {
        parent.kill('SIGKILL');
      }
    });
  }
});
