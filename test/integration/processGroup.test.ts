import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { stopGroup } from '../host/processGroup';

describe('the end of a process group', () => {
  if (process.platform === 'linux') {
    it('has come also when nobody asks how its processes ended', async () => {
      // The shell turns into a program that never asks after the group which the shell has started.
      const parent = spawn('sh', ['-c', 'setsid sleep 600 & echo $!; exec sleep 600'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        const [line] = await once(createInterface({ input: parent.stdout }), 'line');
        await stopGroup(Number(line), limitMs)();
      } finally {
        parent.kill('SIGKILL');
      }
    });
  }
});

const limitMs = 5000;
