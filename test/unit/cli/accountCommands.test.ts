import assert from 'node:assert/strict';
import { ok } from '../../../src/base/result';
import type { SignInJson, SignUpJson } from '../../../src/device/device';
import { runScratch, type World } from '../../support/cliTerminal';
import { MemoryDevice } from '../../support/memoryDevice';

const words = Array.from({ length: 24 }, (_, index) => `word${index + 1}`).join(' ');
const where = ['--server', 'https://sync.example', '--login', 'ada', '--device', 'laptop'];

describe('account commands', () => {
  const signUp = async (args: readonly string[], world: World) => {
    const device = new MemoryDevice();
    let asked: SignUpJson | undefined;
    const account: MemoryDevice['account'] = {
      ...device.account,
      signUp: async request => {
        asked = request;
        return ok({ recoveryPhrase: words });
      },
    };
    const run = await runScratch(Object.assign(device, { account }), ['sign-up', ...where, ...args], world);
    return { run, asked };
  };

  it('takes the password from the environment, from standard input, or from a prompt', async () => {
    const worlds: readonly (readonly [readonly string[], World])[] = [
      [[], { environment: { SCRATCH_PASSWORD: 'pass word' } }],
      [['--password-stdin'], { input: 'pass word\n' }],
      [['--password-stdin'], { input: 'pass word' }],
      [[], { typed: ['pass word', 'pass word'] }],
    ];
    for (const [args, world] of worlds) {
      const { run, asked } = await signUp(args, world);
      assert.equal(run.exitCode, 0, run.errors);
      assert.deepEqual(asked, {
        server: 'https://sync.example',
        login: 'ada',
        password: 'pass word',
        deviceName: 'laptop',
      });
    }
  });

  it('keeps the name of the device when none is given', async () => {
    const device = new MemoryDevice();
    const asked: string[] = [];
    const account: MemoryDevice['account'] = {
      ...device.account,
      signIn: async ({ deviceName }) => {
        asked.push(deviceName);
        return ok();
      },
    };
    const signIn = ['sign-in', '--server', 'https://sync.example', '--login', 'ada'];
    const world = { environment: { SCRATCH_PASSWORD: 'x' } };
    await runScratch(Object.assign(device, { account }), signIn, world);
    await runScratch(device, [...signIn, '--device', 'tower'], world);
    assert.deepEqual(asked, [device.currentStatus.device.name, 'tower']);
  });

  it('never prompts without a terminal: it says where the password may come from', async () => {
    const { run, asked } = await signUp([], {});
    assert.equal(run.exitCode, 2);
    assert.match(run.errors, /SCRATCH_PASSWORD/);
    assert.equal(asked, undefined);
  });

  it('refuses a new password that was typed differently the second time, or not at all', async () => {
    for (const typed of [['one', 'other'], [''], [undefined]]) {
      const { run, asked } = await signUp([], { typed });
      assert.equal(run.exitCode, 2);
      assert.equal(asked, undefined);
    }
  });

  it('prints the recovery phrase in rows for a person and as it is for a program', async () => {
    const world = { environment: { SCRATCH_PASSWORD: 'x' } };
    const { run } = await signUp(['--invite', 'abc'], world);
    assert.match(run.out, /word1 +word2 +word3 +word4 +word5 +word6\n/);
    const json = await signUp(['--json'], world);
    assert.deepEqual(JSON.parse(json.run.out), { recoveryPhrase: words });
  });

  const signIn = async (args: readonly string[], world: World) => {
    const device = new MemoryDevice();
    let asked: SignInJson | undefined;
    const account: MemoryDevice['account'] = {
      ...device.account,
      signIn: async request => {
        asked = request;
        return ok();
      },
    };
    const run = await runScratch(Object.assign(device, { account }), ['sign-in', ...where, ...args], world);
    return { run, asked };
  };

  it('signs in with a password and answers how the device stands', async () => {
    const { run, asked } = await signIn(['--json'], { environment: { SCRATCH_PASSWORD: 'x' } });
    assert.deepEqual(asked?.secret, { password: 'x' });
    assert.equal(JSON.parse(run.out).login, 'ada');
  });

  it('asks for the password once', async () => {
    const { run } = await signIn([], { typed: ['x'] });
    assert.deepEqual(run.asked, ['Password: ']);
  });

  it('signs in with a recovery phrase and a new password', async () => {
    const secret = { recoveryPhrase: words, newPassword: 'new one' };
    const worlds: readonly (readonly [readonly string[], World])[] = [
      [['--password-stdin'], { input: `${words}\nnew one\n` }],
      [[], { input: `${words}\n`, environment: { SCRATCH_NEW_PASSWORD: 'new one' } }],
    ];
    for (const [args, world] of worlds) {
      const { run, asked } = await signIn(['--recovery-phrase-stdin', ...args], world);
      assert.equal(run.exitCode, 0, run.errors);
      assert.deepEqual(asked?.secret, secret);
    }
  });

  it('unites with another account only when told to', async () => {
    const world = { environment: { SCRATCH_PASSWORD: 'x' } };
    assert.equal((await signIn([], world)).asked?.acceptOtherAccount, undefined);
    assert.equal((await signIn(['--accept-other-account'], world)).asked?.acceptOtherAccount, true);
  });

  it('changes the password with both from standard input', async () => {
    const device = new MemoryDevice();
    let asked: unknown;
    const account: MemoryDevice['account'] = {
      ...device.account,
      changePassword: async (current, next) => {
        asked = { current, next };
        return ok();
      },
    };
    const run = await runScratch(
      Object.assign(device, { account }),
      ['change-password', '--password-stdin'],
      { input: 'old\nnew\n' },
    );
    assert.equal(run.exitCode, 0);
    assert.deepEqual(asked, { current: 'old', next: 'new' });
    const short = await runScratch(new MemoryDevice(), ['change-password', '--password-stdin'], {
      input: 'old',
    });
    assert.equal(short.exitCode, 2);
  });

  it('lists the devices and marks this one', async () => {
    const device = new MemoryDevice();
    const entry = { createdAt: '2026-01-02T03:04:05.000Z', lastSeenAt: '2026-01-02T03:04:05.000Z' };
    const account: MemoryDevice['account'] = {
      ...device.account,
      devices: async () =>
        ok([
          { id: '00000000000000aa', name: 'laptop', ...entry, current: true },
          { id: '00000000000000bb', name: 'desktop', ...entry, current: false },
        ]),
    };
    const run = await runScratch(Object.assign(device, { account }), ['devices']);
    assert.match(run.out, /00000000000000aa +laptop .* this one\n/);
    assert.match(run.out, /00000000000000bb +desktop [^t]*\n/);
  });

  it('answers which device was revoked', async () => {
    const run = await runScratch(new MemoryDevice(), ['revoke', '00000000000000bb', '--json'], {
      environment: { SCRATCH_PASSWORD: 'x' },
    });
    assert.deepEqual(JSON.parse(run.out), { revoked: '00000000000000bb' });
  });
});
