import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRandom } from '../../src/base/random';
import { systemClock } from '../../src/base/time';
import { type ServerProcess, startServer } from '../support/processes';
import { signUp } from '../support/testDevice';
import { scratchServer } from './serverCommands';

/** Runs what follows as the first process of a set of its own, as a container does, and ends it with itself. */
const container = ['unshare', '--map-root-user', '--pid', '--fork', '--mount-proc', '--kill-child'];
const [command = '', ...args] = container;
/** Not every system has this, or lets everyone do it. */
const hasContainers = spawnSync(command, [...args, 'true']).status === 0;

if (hasContainers) {
  describe('the server in a container', () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'scratch-containers-'));
    const running: ServerProcess[] = [];
    after(async () => {
      for (const server of running) await server.kill();
      rmSync(dataDir, { recursive: true });
    });
    const start = async () => {
      const server = await startServer(dataDir, { SIGN_UP: 'open' }, container);
      running.push(server);
      return server;
    };

    it('is one on its folder, and starts again in a new one after it was killed', async () => {
      const first = await start();
      // Else the next one may be given the number of the one that has ended.
      const other = await startServer(join(dataDir, 'other'), {}, container);
      running.push(other);
      const device = await signUp(fetch, 'ada', { base: first.url });
      await device.push([device.change({ itemId: systemRandom.uuid(), millis: systemClock.now() })], null);
      const refused = await scratchServer(dataDir, ['serve'], { PORT: '0' });
      assert.equal(refused.exitCode, 1);
      assert.match(refused.errors, /Another server seems to run on this store.*in another container/);
      await first.kill();
      await start();
      const check = await scratchServer(dataDir, ['check']);
      assert.equal(check.exitCode, 0, check.errors);
    });
  });
}
