import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { unwrap } from '../../src/base/result';
import { MeddlingProxy } from '../support/meddlingProxy';
import { openHome } from '../support/openHome';
import { startServer } from '../support/processes';

const maxIdleBodyBytes = 200;

describe('an idle cycle over real HTTP', () => {
  it('is one request with an empty answer below 200 bytes, and leaves the file of the store as it is', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'scratch-idle-'));
    const home = path.join(folder, 'home');
    const server = await startServer(path.join(folder, 'server'), { SIGN_UP: 'open' });
    const proxy = await MeddlingProxy.start(server.url);
    const device = await openHome(home);
    try {
      const account = { server: proxy.url, login: 'ada', password: 'correct horse', deviceName: 'laptop' };
      unwrap(await device.account.signUp(account));
      for (let number = 0; number < 50; number++) {
        unwrap(await device.items.create({ kind: 'note', title: `Note ${number}`, body: 'text\n' }));
      }
      for (let cycle = 0; cycle < 2; cycle++) unwrap(await device.sync.now({ trigger: 'command' }));
      proxy.exchanges.length = 0;
      const before = stateOf(home);
      for (let cycle = 0; cycle < 3; cycle++) unwrap(await device.sync.now({ trigger: 'timer' }));
      assert.deepEqual(stateOf(home), before);
      assert.equal(proxy.exchanges.length, 3);
      for (const { method, status, sent, answered } of proxy.exchanges) {
        assert.deepEqual([method, status, sent.length], ['GET', 200, 0]);
        assert.deepEqual(JSON.parse(answered.toString('utf8')).changes, []);
        assert.ok(answered.length < maxIdleBodyBytes, `${answered.length} bytes: ${answered}`);
      }
      console.log(`        the answer of an idle cycle has ${proxy.exchanges[0]?.answered.length} bytes`);
    } finally {
      await device.close();
      await proxy.close();
      await server.stop();
      rmSync(folder, { recursive: true });
    }
  }).timeout(60_000);
});

/** The store's bytes, when they were written, and the files beside it. */
function stateOf(home: string) {
  const file = path.join(home, 'store.db');
  const { mtimeNs, ctimeNs } = statSync(file, { bigint: true });
  const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
  return { digest, mtimeNs, ctimeNs, files: readdirSync(home).sort() };
}
