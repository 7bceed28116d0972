import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { err, type Result } from '../../../../src/base/result';
import { minuteMs } from '../../../../src/base/time';
import { leaseTermMs } from '../../../../src/store/synced/lease';
import { cycleHttp } from '../../../../src/sync/transport/cycleHttp';
import type { HttpAnswer, HttpFailure, HttpRequest } from '../../../../src/sync/transport/http';
import { VirtualTime } from '../../../support/virtualTime';

const request: HttpRequest = {
  method: 'GET',
  url: 'http://x/',
  headers: {},
  timeoutMs: 1,
  maxAnswerBytes: 1,
};

describe('the network of a cycle', () => {
  it('shows that the cycle goes on: while it waits, and with every answer', async () => {
    const time = new VirtualTime(0);
    const heardMs: number[] = [];
    let answer: (answer: Result<HttpAnswer, HttpFailure>) => void = () => undefined;
    const http = cycleHttp(
      {
        send: () => new Promise(resolve => (answer = resolve)),
        stream: () => assert.fail('no stream is opened'),
      },
      {
        timers: time,
        heartbeat: () => heardMs.push(time.monotonic()),
        signal: new AbortController().signal,
      },
    );
    const asked = http.send(request);
    await time.advance(5 * minuteMs + 1);
    let beforeMs = 0;
    for (const atMs of heardMs) {
      assert.ok(atMs - beforeMs < leaseTermMs / 2, 'well within the term of the lease');
      beforeMs = atMs;
    }
    assert.ok(time.monotonic() - beforeMs < leaseTermMs / 2);
    answer(err({ type: 'timeout', timeoutMs: 1 }));
    await asked;
    assert.equal(heardMs.at(-1), time.monotonic());
    assert.equal(time.waiting, 0);
  });
});
