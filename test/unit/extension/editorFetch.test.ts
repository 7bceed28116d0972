import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { silentLogger } from '../../../src/base/logger';
import { dayMs, systemClock, systemTimers } from '../../../src/base/time';
import { fetchHttp } from '../../../src/device/sync/fetchHttp';
import { editorFetch } from '../../../src/extension/host/editorFetch';
import type { HttpRequest } from '../../../src/sync/transport/http';
import { createCertificate } from '../../integration/serverCertificate';

describe('the network of the editor', () => {
  let folder: string;
  let server: Server;
  let request: HttpRequest;
  let caFile: string;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'editor-fetch-'));
    caFile = path.join(folder, 'ca.pem');
    const nowMs = systemClock.now();
    const { cert, key } = createCertificate(new Date(nowMs - dayMs), new Date(nowMs + dayMs));
    await writeFile(caFile, cert);
    server = createServer({ cert, key }, (_request, response) => response.end('hello')).listen(0);
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    const url = `https://localhost:${address.port}/`;
    request = { method: 'GET', url, headers: {}, timeoutMs: 5000, maxAnswerBytes: 100 };
  });

  after(async () => {
    server.close();
    server.closeAllConnections();
    await rm(folder, { recursive: true });
  });

  const send = (file: string) =>
    fetchHttp({ fetch: editorFetch(() => file, silentLogger), timers: systemTimers }).send(request);

  it('refuses a certificate that nobody trusts', async () => {
    const answer = await send('');
    assert.equal(!answer.ok && answer.error.type, 'certificate');
  });

  it('trusts the authority of the file that a person names', async () => {
    const answer = await send(caFile);
    assert.equal(answer.ok && Buffer.from(answer.value.body).toString(), 'hello');
  });

  it('trusts nobody more when the file cannot be read', async () => {
    const answer = await send(path.join(folder, 'none.pem'));
    assert.equal(!answer.ok && answer.error.type, 'certificate');
  });
});
