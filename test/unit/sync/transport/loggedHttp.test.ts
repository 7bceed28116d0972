import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { err, ok } from '../../../../src/base/result';
import type { HttpClient, HttpRequest } from '../../../../src/sync/transport/http';
import { loggedHttp } from '../../../../src/sync/transport/loggedHttp';
import { collectingLogger } from '../../../support/sqliteLogger';
import { VirtualTime } from '../../../support/virtualTime';

const request: HttpRequest = {
  method: 'POST',
  url: 'https://sync.example/base/v1/changes?since=cursor-text',
  headers: { authorization: 'Bearer token-text' },
  body: new TextEncoder().encode('body-text'),
  timeoutMs: 1000,
  maxAnswerBytes: 1000,
};

describe('the log of the network', () => {
  const time = new VirtualTime(0);
  const logged = (http: Partial<HttpClient>) => {
    const { logger, lines } = collectingLogger();
    const unused = () => assert.fail('it is not used');
    return { http: loggedHttp({ send: unused, stream: unused, ...http }, { clock: time, logger }), lines };
  };

  it('tells what each request asked for, what came of it and what it cost, and nothing that is secret', async () => {
    const { http, lines } = logged({
      send: async () => {
        await time.advance(40);
        return ok({ status: 200, headers: { secret: 'header-text' }, body: new Uint8Array(7) });
      },
    });
    await http.send(request);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /^debug request /);
    for (const fact of [
      /POST/,
      /\/base\/v1\/changes"/,
      /200/,
      /"ms":40/,
      /"bytesSent":9/,
      /"bytesReceived":7/,
    ]) {
      assert.match(lines[0] ?? '', fact);
    }
    assert.doesNotMatch(lines[0] ?? '', /-text/);
  });

  it('tells why a request failed, and how a stream ended', async () => {
    const failure = { type: 'unreachable', code: 'ENOTFOUND', detail: 'no such host' } as const;
    const { http, lines } = logged({
      send: async () => err(failure),
      stream: () => ({ ended: Promise.resolve(ok()), stop: () => undefined }),
    });
    assert.deepEqual(await http.send(request), err(failure));
    await http.stream(request, () => undefined).ended;
    assert.match(lines[0] ?? '', /unreachable.*ENOTFOUND.*no such host/);
    assert.match(lines[1] ?? '', /"stream":"ended"/);
  });
});
