import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { silentLogger } from '../../../../src/base/logger';
import { ok, type Result } from '../../../../src/base/result';
import { EventParser, EventStream } from '../../../../src/sync/transport/eventStream';
import type { HttpClient, HttpFailure, HttpRequest } from '../../../../src/sync/transport/http';
import { VirtualTime } from '../../../support/virtualTime';

function heard(pieces: readonly string[]): readonly string[] {
  const names: string[] = [];
  const parser = new EventParser(name => names.push(name));
  for (const piece of pieces) parser.push(piece);
  return names;
}

describe('the parser of events', () => {
  it('tells the name of each event', () => {
    assert.deepEqual(heard(['event: change\ndata: 7\n\n', 'event:other\n\n']), ['change', 'other']);
  });

  it('takes no notice of comments, data and fields that it does not know', () => {
    assert.deepEqual(heard([':\n\n', 'data: event: change\n\n', 'id: 1\nretry: 5\n\n']), []);
  });

  it('knows every kind of line end, wherever the network cuts the text', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.array(fc.nat(60), { maxLength: 8 }),
        (end, cuts) => {
          const text = `:${end}${end}event: change${end}data: 1${end}${end}event: change${end}data: 2${end}${end}`;
          const places = [0, ...cuts.filter(cut => cut < text.length).sort((a, b) => a - b), text.length];
          const pieces = places.slice(1).map((place, index) => text.slice(places[index], place));
          assert.deepEqual(heard([...pieces, end]), ['change', 'change']);
        },
      ),
    );
  });

  it('holds no line of any length', () => {
    const names: string[] = [];
    const parser = new EventParser(name => names.push(name));
    for (let piece = 0; piece < 1000; piece++) parser.push('x'.repeat(1000));
    parser.push('\n\nevent: change\n\n');
    assert.deepEqual(names, ['change']);
  });
});

/** A network of which every stream is ended, and spoken to, by the test. */
class ScriptedHttp implements HttpClient {
  readonly opened: {
    readonly request: HttpRequest;
    readonly say: (text: string) => void;
    readonly end: (result: Result<void, HttpFailure>) => void;
    stopped: boolean;
  }[] = [];

  async send(): Promise<never> {
    throw new Error('only streams are opened here');
  }

  stream(request: HttpRequest, onText: (text: string) => void) {
    let end: (result: Result<void, HttpFailure>) => void = () => undefined;
    const ended = new Promise<Result<void, HttpFailure>>(resolve => {
      end = resolve;
    });
    const opened = { request, say: onText, end, stopped: false };
    this.opened.push(opened);
    return {
      ended,
      stop: () => {
        opened.stopped = true;
        end(ok());
      },
    };
  }
}

function listen(fraction = 0.5) {
  const time = new VirtualTime(0);
  const http = new ScriptedHttp();
  const network = { name: 'home' };
  let changes = 0;
  const stream = new EventStream({
    http,
    clock: time,
    timers: time,
    networkFingerprint: () => network.name,
    random: { bytes: length => new Uint8Array(length), uuid: () => '', fraction: () => fraction },
    logger: silentLogger,
    address: { server: 'https://sync.example', token: 'secret' },
    onChange: () => {
      changes++;
    },
  });
  return { time, http, network, stream, changes: () => changes };
}

describe('the event stream', () => {
  it('says that there is something new, with the token of the device', () => {
    const { http, changes } = listen();
    http.opened[0]?.say('event: change\ndata: 3\n\nevent: unknown\n\n');
    assert.equal(changes(), 1);
    assert.equal(http.opened[0]?.request.headers['authorization'], 'Bearer secret');
    assert.ok(http.opened[0]?.request.url.startsWith('https://sync.example/'));
  });

  it('reconnects with a backoff that grows while nothing is heard', async () => {
    const { time, http } = listen();
    for (let failure = 0; failure < 6; failure++) {
      http.opened.at(-1)?.end({ ok: false, error: { type: 'timeout', timeoutMs: 1 } });
      await time.advance(2 ** failure * 500 - 1);
      assert.equal(http.opened.length, failure + 1);
      await time.advance(1);
      assert.equal(http.opened.length, failure + 2);
    }
  });

  it('reconnects soon after a stream that lived, also when there was nothing new', async () => {
    const { time, http } = listen();
    for (let failure = 0; failure < 6; failure++) {
      http.opened.at(-1)?.end({ ok: false, error: { type: 'timeout', timeoutMs: 1 } });
      await time.advance(300_000);
    }
    const before = http.opened.length;
    http.opened.at(-1)?.say(':\n\n');
    http.opened.at(-1)?.end(ok());
    await time.advance(1000);
    assert.equal(http.opened.length, before + 1);
  });

  /** After so many failures the next wait takes 128 s. */
  async function failing(times: number) {
    const it = listen();
    for (let failure = 0; failure < times; failure++) {
      it.http.opened.at(-1)?.end({ ok: false, error: { type: 'timeout', timeoutMs: 1 } });
      await it.time.advance(300_000);
    }
    return { ...it, before: it.http.opened.length };
  }

  it('waits as long as the server asks for', async () => {
    const { time, http, network, before } = await failing(0);
    const error: HttpFailure = { type: 'noStream', status: 429, retryAfterMs: 60_000 };
    http.opened.at(-1)?.end({ ok: false, error });
    network.name = 'office';
    await time.advance(59_999);
    assert.equal(http.opened.length, before);
    await time.advance(1);
    assert.equal(http.opened.length, before + 1);
  });

  it('reconnects at once in another network, and with a new patience', async () => {
    const { time, http, network, before } = await failing(8);
    http.opened.at(-1)?.end({ ok: false, error: { type: 'timeout', timeoutMs: 1 } });
    await time.advance(25_000);
    assert.equal(http.opened.length, before);
    network.name = 'office';
    await time.advance(10_000);
    assert.equal(http.opened.length, before + 1);
    http.opened.at(-1)?.end({ ok: false, error: { type: 'timeout', timeoutMs: 1 } });
    await time.advance(500);
    assert.equal(http.opened.length, before + 2);
    assert.equal(time.waiting, 0);
  });

  it('reconnects at once when the machine has woken up', async () => {
    const { time, http, before } = await failing(8);
    http.opened.at(-1)?.end({ ok: false, error: { type: 'timeout', timeoutMs: 1 } });
    await time.advance(5000);
    time.jump(3_600_000);
    await time.advance(10_000);
    assert.equal(http.opened.length, before + 1);
  });

  it('stops for good', async () => {
    const { time, http, stream } = listen();
    stream.stop();
    await time.advance(600_000);
    assert.equal(http.opened.length, 1);
    assert.ok(http.opened[0]?.stopped);
    assert.equal(time.waiting, 0);
  });
});
