import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { systemTimers } from '../../../src/base/time';
import { lazyHttp } from '../../../src/cli/lazyHttp';
import { undiciHttp } from '../../../src/cli/undiciHttp';
import type { HttpRequest } from '../../../src/sync/transport/http';

const fixture = (name: string) => readFileSync(path.join(__dirname, 'fixtures', name));

describe("the terminal's network", () => {
  const opened: Server[] = [];
  const http = lazyHttp(async () => undiciHttp(systemTimers));
  const request = (url: string, more: Partial<HttpRequest> = {}): HttpRequest => ({
    method: 'GET',
    url,
    headers: {},
    timeoutMs: 5000,
    maxAnswerBytes: 1000,
    ...more,
  });

  async function listen(server: Server): Promise<string> {
    opened.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address && typeof address === 'object');
    return `127.0.0.1:${address.port}`;
  }
  const serve = async (listener: RequestListener) => `http://${await listen(createServer(listener))}/`;

  afterEach(async () => {
    for (const server of opened.splice(0)) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  });

  it('sends a body and headers, and gives back status, headers and the inflated body', async () => {
    const url = await serve(async (incoming, answer) => {
      const pieces: Buffer[] = [];
      for await (const piece of incoming) pieces.push(piece);
      const said = `${incoming.method} ${incoming.headers['x-test']} ${Buffer.concat(pieces)}`;
      answer.writeHead(201, { 'content-encoding': 'gzip', 'X-Answer': 'yes' }).end(gzipSync(said));
    });
    const answer = await http.send(
      request(url, { method: 'POST', headers: { 'x-test': 'a' }, body: Buffer.from('hello') }),
    );
    assert.ok(answer.ok);
    assert.equal(answer.value.status, 201);
    assert.equal(answer.value.headers['x-answer'], 'yes');
    assert.equal(Buffer.from(answer.value.body).toString(), 'POST a hello');
  });

  it('gives up an answer that is too long after inflating', async () => {
    const url = await serve((_, answer) => {
      answer.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x'.repeat(100_000)));
    });
    const answer = await http.send(request(url));
    assert.deepEqual(answer, { ok: false, error: { type: 'answerTooLarge', maxBytes: 1000 } });
  });

  it('tells that nobody listens, that nobody answers, and that the connection broke off', async () => {
    const gone = await serve(() => undefined);
    for (const server of opened.splice(0)) server.close();
    const refused = await http.send(request(gone));
    assert.ok(!refused.ok && refused.error.type === 'unreachable');
    assert.equal(refused.error.code, 'ECONNREFUSED');

    const silent = await serve(() => undefined);
    const late = await http.send(request(silent, { timeoutMs: 50 }));
    assert.deepEqual(late, { ok: false, error: { type: 'timeout', timeoutMs: 50 } });

    const cutting = await serve((incoming, answer) => {
      answer.writeHead(200, { 'content-length': '100' }).write('only a part');
      systemTimers.after(10, () => incoming.socket.destroy());
    });
    const cut = await http.send(request(cutting));
    assert.ok(!cut.ok && cut.error.type === 'unreachable');
  });

  it('refuses a certificate that nobody vouches for', async () => {
    const tls = createTlsServer(
      { key: fixture('selfSigned.key.pem'), cert: fixture('selfSigned.cert.pem') },
      (_, answer) => answer.end('secret'),
    );
    const address = await listen(tls);
    const answer = await http.send(request(`https://${address}/`));
    assert.deepEqual(answer, {
      ok: false,
      error: { type: 'certificate', code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    });
  });

  it('goes through the proxy that the environment names, but not to hosts that it excepts', async () => {
    const proxied: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (incoming, client) => {
      proxied.push(incoming.url ?? '');
      const [host = '', port = ''] = (incoming.url ?? '').split(':');
      const onward = connect(Number(port), host, () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.pipe(client).pipe(onward);
      });
      onward.on('error', () => client.destroy());
      client.on('error', () => onward.destroy());
    });
    const proxyAddress = await listen(proxy);
    const url = await serve((_, answer) => answer.end('through'));
    const before = { ...process.env };
    process.env['http_proxy'] = `http://${proxyAddress}`;
    try {
      delete process.env['no_proxy'];
      const through = await undiciHttp(systemTimers).send(request(url));
      assert.ok(through.ok);
      assert.deepEqual(proxied, [new URL(url).host]);
      process.env['no_proxy'] = '127.0.0.1';
      const past = await undiciHttp(systemTimers).send(request(url));
      assert.ok(past.ok);
      assert.equal(proxied.length, 1);
    } finally {
      for (const name of ['http_proxy', 'no_proxy']) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
  });

  it('streams piece by piece until it is stopped', async () => {
    const url = await serve((_, answer) => {
      answer.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
    });
    const heard: string[] = [];
    const stream = http.stream(request(url), text => {
      heard.push(text);
      stream.stop();
    });
    assert.deepEqual(await stream.ended, { ok: true, value: undefined });
    assert.deepEqual(heard, ['data: 1\n\n']);
  });
});
