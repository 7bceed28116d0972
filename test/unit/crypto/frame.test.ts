import assert from 'node:assert/strict';
import { deflateRawSync } from 'node:zlib';
import { toUtf8 } from '../../../src/base/encoding';
import { longestFrame, packFrame, unpackFrame } from '../../../src/crypto/frame';
import { paddedLength } from '../../../src/crypto/padding';
import { seededRandom } from './cryptoFixtures';

const limit = 10_000_000;

function frameOf(
  method: number,
  plaintextBytes: number,
  body: Uint8Array,
  bodyBytes = body.length,
): Uint8Array {
  const frame = new Uint8Array(9 + body.length);
  const view = new DataView(frame.buffer);
  view.setUint8(0, method);
  view.setUint32(1, plaintextBytes);
  view.setUint32(5, bodyBytes);
  frame.set(body, 9);
  return frame;
}

describe('frame', () => {
  it('gives back what it took', () => {
    const random = seededRandom(2);
    for (const plaintext of [
      new Uint8Array(),
      toUtf8('a'),
      toUtf8('text '.repeat(5000)),
      random.bytes(5000),
    ]) {
      assert.deepEqual(unpackFrame(packFrame(plaintext), limit), { ok: true, value: plaintext });
    }
  });

  it('compresses text, and stores what would grow', () => {
    assert.ok(packFrame(toUtf8('text '.repeat(5000))).length < 1000);
    const noise = seededRandom(3).bytes(5000);
    assert.equal(packFrame(noise).length, longestFrame(noise.length));
  });

  it('has a padded length', () => {
    for (const length of [0, 10, 500, 3000]) {
      const frame = packFrame(seededRandom(length).bytes(length));
      assert.equal(frame.length, paddedLength(frame.length));
    }
  });

  it('refuses what is larger than the caller wants, before inflating it', () => {
    const plaintext = toUtf8('x'.repeat(2000));
    assert.deepEqual(unpackFrame(packFrame(plaintext), 1999), {
      ok: false,
      error: { type: 'tooLarge', plaintextBytes: 2000 },
    });
    assert.ok(unpackFrame(packFrame(plaintext), 2000).ok);
  });

  it('stops inflating a bomb at the length that its header admits', () => {
    const bomb = deflateRawSync(new Uint8Array(50_000_000));
    const result = unpackFrame(frameOf(1, 1000, bomb), limit);
    assert.deepEqual(result, {
      ok: false,
      error: { type: 'malformed', detail: 'the compressed body is damaged (ERR_BUFFER_TOO_LARGE)' },
    });
  });

  it('refuses frames that lie about themselves', () => {
    const deflated = deflateRawSync(toUtf8('some text, some text, some text'));
    const frames: readonly (readonly [string, Uint8Array])[] = [
      ['empty', new Uint8Array()],
      ['a cut header', new Uint8Array(8)],
      ['a body beyond the end', frameOf(0, 5, toUtf8('hello'), 6)],
      ['a stored body of another length', frameOf(0, 4, toUtf8('hello'))],
      ['an inflated body that is shorter', frameOf(1, 500, deflated)],
      ['a deflated nothing', frameOf(1, 0, deflated)],
      ['a cut deflate stream', frameOf(1, 31, deflated.subarray(0, 5))],
      ['no deflate stream', frameOf(1, 31, new Uint8Array(20).fill(0xff))],
      ['an unknown method', frameOf(2, 5, toUtf8('hello'))],
    ];
    for (const [name, frame] of frames) {
      const result = unpackFrame(frame, limit);
      assert.equal(!result.ok && result.error.type, 'malformed', name);
    }
  });
});
