import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { systemRandom } from '../../../src/base/random';
import { minuteMs, secondMs } from '../../../src/base/time';
import { exitCodeOf, exitCodes, withCommands } from '../../../src/cli/failure';
import { cycleFailure, transportFailure } from '../../../src/device/failures';
import { createKeyId } from '../../../src/model/ids/createId';

const server = 'https://scratch.example';

function tooManyRequests(retryAfterMs: number | undefined, asked: 'sync' | 'byPerson') {
  const problem = {
    type: 'problem',
    status: 429,
    code: 'tooManyRequests',
    title: 'Too many attempts',
    detail: undefined,
    retryAfterMs,
  } as const;
  return transportFailure(problem, server, asked).error;
}

describe('what the network did, in words', () => {
  it('says how long the server asks to wait, and that it was reached', () => {
    const asked = tooManyRequests(15 * minuteMs - secondMs, 'byPerson');
    assert.equal(asked.code, 'tooManyRequests');
    assert.match(asked.message, /Try again in 15 min\.$/);
    assert.match(tooManyRequests(30 * secondMs, 'sync').message, /pushed in 30 s\.$/);
    assert.match(tooManyRequests(undefined, 'byPerson').message, /in a while\.$/);
  });

  const problem = (code: string, title: string, detail?: string) =>
    transportFailure({ type: 'problem', status: 400, code, title, detail, retryAfterMs: undefined }, server)
      .error;

  it('says what the server refused, and what it says to do', () => {
    assert.deepEqual(problem('forbidden', 'This account has too many devices', 'Revoke one.'), {
      code: 'refused',
      message: `The server ${server} refused: This account has too many devices. Revoke one.`,
    });
    const ofNewer = problem('ofNewerServer', 'The moon is not full', undefined);
    assert.equal(ofNewer.message, `The server ${server} refused: The moon is not full.`);
  });

  it('asks to do again what met a change of the keys by another device', () => {
    const { message } = problem('keyringChanged', 'Another device has changed the key ring', 'Fetch it.');
    assert.equal(message, 'Another device has just changed the keys. Nothing was changed here; do it again.');
  });

  it('says what can be wrong with an invite code', () => {
    assert.match(problem('inviteRequired', 'An invite code is needed').message, /missing, used or expired/);
  });

  it('leaves where a certificate is vouched for to the terminal, and to the editor, which has a setting', () => {
    const told = transportFailure({ type: 'certificate', code: 'SELF_SIGNED_CERT_IN_CHAIN' }, server).error;
    assert.equal(told.code, 'certificate');
    assert.doesNotMatch(told.message, /NODE_EXTRA_CA_CERTS|editor/);
    assert.match(
      withCommands(told).message,
      /then try again\. NODE_EXTRA_CA_CERTS in the environment names it\.$/,
    );
    assert.equal(exitCodeOf(told.code), exitCodes.unreachable);
  });
});

describe('what a sync waits for, in words', () => {
  it('is mended in the editor where the terminal has no command for it', () => {
    const told = withCommands({ code: 'paused', message: 'Sync is paused.' });
    assert.equal(told.message, 'Sync is paused. Scratch: Resume Sync in the editor does so.');
  });

  it('is said without the commands of the terminal: the editor shows it too, with a button', () => {
    const keyId = createKeyId(systemRandom);
    for (const [error, words] of [
      [{ type: 'massChange', changed: 9, total: 10, snapshot: 's' }, /9 of 10 items.*Review it, then accept/],
      [{ type: 'keyMissing', keyId }, /Unlock this device with the password/],
    ] as const) {
      const { message } = cycleFailure(error, server).error;
      assert.match(message, words);
      assert.doesNotMatch(message, /--|scratch /);
    }
  });
});
