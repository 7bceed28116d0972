import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'mocha';
import { unwrap } from '../../../src/base/result';
import { inProcessHttp } from '../../support/inProcessHttp';
import { cheapDerivation } from '../../support/memoryCore';
import { openHome } from '../../support/openHome';
import { collectingLogger } from '../../support/sqliteLogger';
import { createTestServer } from '../../support/testServer';

describe('the log of a device', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'scratch-log-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('tells the requests and the steps of a sync, without secrets and titles', async () => {
    const { app } = await createTestServer();
    const { logger, lines } = collectingLogger();
    const device = await openHome(folder, {
      logger,
      http: inProcessHttp(async request => app.fetch(request)),
      derivation: cheapDerivation,
    });
    const server = 'http://127.0.0.1:8787';
    const account = { server, login: 'ada', password: 'pass-text', deviceName: 'laptop' };
    const { recoveryPhrase } = unwrap(await device.account.signUp(account));
    unwrap(await device.items.create({ kind: 'note', title: 'Title-text', body: 'Body-text' }));
    unwrap(await device.sync.now({ trigger: 'command' }));
    await device.close();
    const log = lines.join('\n');
    for (const step of [
      /^debug opened the device /m,
      /^debug sync begins .*"command"/m,
      /^debug request .*"GET".*"\/v1\/changes".*"status":200/m,
      /^debug pulled a page .*"changes":0/m,
      /^debug request .*"POST".*"\/v1\/changes"/m,
      /^debug pushed a batch .*"changes":1/m,
      /^debug sync ends .*"succeeded".*"pushed":1/m,
    ]) {
      assert.match(log, step);
    }
    assert.doesNotMatch(log, /-text|Bearer|authKey/);
    assert.ok(!log.includes(recoveryPhrase.split(' ').slice(0, 3).join(' ')));
  });
});
