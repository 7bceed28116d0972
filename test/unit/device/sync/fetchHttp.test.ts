import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { minuteMs, secondMs } from '../../../../src/base/time';
import { type FetchInit, fetchHttp } from '../../../../src/device/sync/fetchHttp';
import type { HttpRequest } from '../../../../src/sync/transport/http';
import { VirtualTime } from '../../../support/virtualTime';

const silenceMs = 30 * secondMs;
const request: HttpRequest = {
  method: 'POST',
  url: 'http://x/',
  headers: {},
  timeoutMs: silenceMs,
  maxAnswerBytes: 1_000_000,
};

/** A server that is silent for `headersMs`, and then sends a byte every `pieceMs`. */
function slowly(headersMs: number, pieceMs: number, pieces: number) {
  const time = new VirtualTime(0);
  const asked: FetchInit[] = [];
  async function passes(ms: number, signal: AbortSignal): Promise<void> {
    await time.sleep(ms, signal);
    signal.throwIfAborted();
  }
  async function* body(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for (let piece = 0; piece < pieces; piece++) {
      await passes(pieceMs, signal);
      yield new Uint8Array([piece]);
    }
  }
  const http = fetchHttp({
    timers: time,
    fetch: async (_url, init) => {
      asked.push(init);
      await passes(headersMs, init.signal);
      return { status: 200, headers: [], body: body(init.signal) };
    },
  });
  return { time, http, asked };
}

/** How a request ended, and when. */
async function endOf({ http, time }: ReturnType<typeof slowly>, more: Partial<HttpRequest> = {}) {
  let ended: string | undefined;
  http.send({ ...request, ...more }).then(answer => {
    ended = answer.ok ? `${answer.value.body.length} bytes` : answer.error.type;
  });
  while (ended === undefined) {
    assert.ok(time.monotonic() < 20 * minuteMs, 'it takes too long');
    await time.advance(secondMs);
  }
  return { ended, afterMs: time.monotonic() };
}

describe('a request on a slow link', () => {
  it('is not given up while the answer goes on', async () => {
    assert.deepEqual(await endOf(slowly(secondMs, 25 * secondMs, 10)), {
      ended: '10 bytes',
      afterMs: 251 * secondMs,
    });
  });

  it('is given up when nothing was heard for a while, at the beginning or later', async () => {
    assert.deepEqual(await endOf(slowly(hour, 0, 1)), { ended: 'timeout', afterMs: silenceMs });
    assert.deepEqual(await endOf(slowly(secondMs, hour, 1)), {
      ended: 'timeout',
      afterMs: secondMs + silenceMs,
    });
  });

  it('is given up at last, however steadily the answer goes on', async () => {
    const { ended, afterMs } = await endOf(slowly(secondMs, 25 * secondMs, 1000));
    assert.deepEqual({ ended, afterMs }, { ended: 'timeout', afterMs: 10 * minuteMs });
  });

  it('is given the time that its body takes', async () => {
    const body = new Uint8Array(1024 * 1024);
    const slow = slowly(150 * secondMs, secondMs, 1);
    assert.deepEqual(await endOf(slow, { body }), { ended: '1 bytes', afterMs: 151 * secondMs });
    const silent = await endOf(slowly(hour, 0, 1), { body });
    assert.deepEqual(silent, { ended: 'timeout', afterMs: silenceMs + 128 * secondMs });
  });

  it('ends at once when it is stopped, before or meanwhile', async () => {
    const slow = slowly(hour, 0, 1);
    const stopping = new AbortController();
    const asked = slow.http.send(request, stopping.signal);
    await slow.time.advance(secondMs);
    stopping.abort();
    assert.deepEqual(await asked, { ok: false, error: { type: 'stopped' } });
    assert.equal(slow.time.waiting, 0);
    const later = await slow.http.send(request, stopping.signal);
    assert.deepEqual(later, { ok: false, error: { type: 'stopped' } });
  });

  it('leaves no timer behind', async () => {
    const slow = slowly(secondMs, secondMs, 1);
    await endOf(slow);
    assert.equal(slow.time.waiting, 0);
    assert.equal(slow.asked[0]?.signal.aborted, true);
  });
});

describe('an answer instead of a stream', () => {
  it('is told with how long the server asks to wait', async () => {
    const http = fetchHttp({
      timers: new VirtualTime(0),
      fetch: async () => ({ status: 429, headers: [['Retry-After', '7']], body: null }),
    });
    const ended = await http.stream(request, () => undefined).ended;
    assert.deepEqual(ended, { ok: false, error: { type: 'noStream', status: 429, retryAfterMs: 7000 } });
  });
});

const hour = 60 * minuteMs;
