import assert from 'node:assert/strict';
import path from 'node:path';
import { err, ok } from '../../../src/base/result';
import type { DeviceErrorCode } from '../../../src/device/deviceError';
import { runScratch } from '../../support/cliTerminal';
import { MemoryDevice } from '../../support/memoryDevice';

describe('the command line', () => {
  const refusing = (code: DeviceErrorCode) => {
    const device = new MemoryDevice();
    return Object.assign(device, {
      items: { ...device.items, get: async () => err({ code, message: `Refused:\n${code}.` }) },
    });
  };
  const exitCodes: readonly (readonly [DeviceErrorCode, number])[] = [
    ['badInput', 2],
    ['unknownItem', 2],
    ['tooLarge', 2],
    ['markersRemain', 2],
    ['unreachable', 3],
    ['notSignedIn', 4],
    ['badCredentials', 4],
    ['locked', 4],
    ['keyMissing', 4],
    ['massChange', 1],
    ['storage', 1],
    ['server', 1],
    ['loginTaken', 1],
  ];
  for (const [code, exitCode] of exitCodes) {
    it(`exits with ${exitCode} for ${code}, in one line on standard error`, async () => {
      const run = await runScratch(refusing(code), ['show', '1f3a']);
      assert.equal(run.exitCode, exitCode);
      assert.match(run.errors, new RegExp(`^scratch: Refused: ${code}\\.[^\n]*\n$`));
      assert.equal(run.out, '');
    });
  }

  it('names the commands that mend what the device waits for', async () => {
    const mass = await runScratch(refusing('massChange'), ['show', '1f3a']);
    assert.match(mass.errors, /--accept-mass-change .*--reject-mass-change /);
    const key = await runScratch(refusing('keyMissing'), ['show', '1f3a']);
    assert.match(key.errors, /scratch unlock/);
  });

  it('with --json also says the failure as one JSON value on standard output', async () => {
    const run = await runScratch(refusing('unknownItem'), ['show', '1f3a', '--json']);
    assert.equal(run.exitCode, 2);
    assert.deepEqual(JSON.parse(run.out), {
      error: { code: 'unknownItem', message: 'Refused: unknownItem.' },
    });
    assert.equal(run.errors.split('\n').length, 2);
  });

  it('says why a device could not be opened, and exits with that failure', async () => {
    const open = async () => err({ code: 'storage', message: 'The store is of a newer version.' } as const);
    const run = await runScratch({ open }, ['list']);
    assert.equal(run.exitCode, 1);
    assert.equal(run.errors, 'scratch: The store is of a newer version.\n');
  });

  it('closes the device, also when a command fails or throws', async () => {
    for (const get of [
      async () => err({ code: 'storage', message: 'The disk is full.' } as const),
      async () => {
        throw new Error('a bug');
      },
    ]) {
      const device = new MemoryDevice();
      const run = await runScratch(Object.assign(device, { items: { ...device.items, get } }), [
        'show',
        '1f3a',
      ]);
      assert.equal(run.exitCode, 1);
      assert.deepEqual(device.asked, ['close']);
    }
  });

  it('keeps the store in order after a command that was done, when the answer was given', async () => {
    const device = new MemoryDevice();
    await runScratch(device, ['status']);
    assert.deepEqual(device.asked, ['round of housekeeping', 'close']);
  });

  describe('the doctor', () => {
    const lock = {
      check: 'lock',
      level: 'error',
      found: 'The store is locked.',
      mend: 'Removes it.',
    } as const;

    it('says which lock keeps the store closed, and opens nothing', async () => {
      const checkLocks = async ({ mend }: { readonly mend: boolean }) =>
        ok({ findings: [{ ...lock, mended: mend }], isStoreLocked: true });
      const run = await runScratch({ checkLocks }, ['doctor']);
      assert.equal(run.exitCode, 1);
      assert.match(run.out, /error +lock: The store is locked\.\n +Can be mended: Removes it\./);
    });

    it('goes on with the store when the lock is removed', async () => {
      const device = new MemoryDevice();
      const store = { check: 'file', level: 'ok', found: 'The file is sound.', mended: false } as const;
      const upkeep = { ...device.upkeep, doctor: async () => ok([store]) };
      const run = await runScratch(
        {
          checkLocks: async ({ mend }) => ok({ findings: [{ ...lock, mended: mend }], isStoreLocked: !mend }),
          open: async () => ok(Object.assign(device, { upkeep })),
        },
        ['doctor', '--mend', '--json'],
      );
      assert.deepEqual(JSON.parse(run.out), [{ ...lock, mended: true }, store]);
      assert.deepEqual(device.asked, ['round of housekeeping', 'close']);
    });
  });

  const wrongUsages: readonly (readonly string[])[] = [
    [],
    ['frobnicate'],
    ['show'],
    ['show', 'a', 'b'],
    ['list', '--kind', 'poem'],
    ['list', '--frobnicate'],
    ['add', 'poem', 'A title'],
    ['add', 'note', 'A title', '--body', 'x', '--file', 'y'],
    ['edit', '1f3a'],
    ['restore', '1f3a', '--version', 'two'],
    ['search', 'word', '--limit', '-1'],
    ['log', '--limit', '1.5'],
    ['resolve', '1f3a'],
    ['resolve', '1f3a', '--keep', 'mine'],
    ['resolve', '1f3a', '--keep', 'local', '--file', 'x'],
    ['sync', '--accept-mass-change', '--reject-mass-change'],
    ['sign-in', '--login', 'ada'],
    ['sign-in', '--server', 'https://x.example', '--login', 'ada', '--password', 'secret'],
    ['conflicts', '--merge'],
  ];
  for (const args of wrongUsages) {
    it(`exits with 2 for \`scratch ${args.join(' ')}\`, in one line`, async () => {
      const run = await runScratch(new MemoryDevice(), args);
      assert.equal(run.exitCode, 2);
      assert.equal(run.out, '');
      assert.match(run.errors, /^scratch: (--|[A-Z])[^\n]+\n$/);
    });
  }

  it('says wrong usage as JSON too', async () => {
    const run = await runScratch(new MemoryDevice(), ['list', '--frobnicate', '--json']);
    assert.equal(run.exitCode, 2);
    assert.match(run.out, /^\{"error":\{"code":"usage","message":"[^"]*frobnicate/);
  });

  for (const args of [['--help'], ['help'], ['help', 'add'], ['add', '--help'], ['--version']]) {
    it(`prints on standard output and exits with 0 for \`scratch ${args.join(' ')}\``, async () => {
      const run = await runScratch(new MemoryDevice(), args);
      assert.equal(run.exitCode, 0);
      assert.notEqual(run.out, '');
      assert.equal(run.errors, '');
      assert.deepEqual(run.homes, []);
    });
  }

  it('keeps help within 80 columns', async () => {
    const { out } = await runScratch(new MemoryDevice(), ['--help']);
    const names = [...out.matchAll(/^ {2}([a-z][a-z-]+) /gm)].map(([, name = '']) => name);
    assert.ok(names.length > 20, names.join(' '));
    for (const args of [['--help'], ...names.map(name => [name, '--help'])]) {
      const help = await runScratch(new MemoryDevice(), args);
      const tooLong = help.out.split('\n').filter(line => line.length > 80);
      assert.deepEqual(tooLong, []);
    }
  });

  it('takes --home and --json before and after the command', async () => {
    for (const args of [
      ['--home', '/a', '--json', 'status'],
      ['status', '--home', '/a', '--json'],
    ]) {
      const run = await runScratch(new MemoryDevice(), args, { environment: { SCRATCH_HOME: '/b' } });
      assert.deepEqual(run.homes, [path.resolve('/a')]);
      assert.equal(JSON.parse(run.out).login, 'ada');
    }
  });

  it('takes the home of SCRATCH_HOME when none is given', async () => {
    const run = await runScratch(new MemoryDevice(), ['status'], { environment: { SCRATCH_HOME: '/b' } });
    assert.deepEqual(run.homes, [path.resolve('/b')]);
  });

  it('colours only on a terminal, and not where NO_COLOR is set', async () => {
    const coloured = (environment: Record<string, string>, isTerminal: boolean) =>
      runScratch(new MemoryDevice(), ['status'], { environment, isTerminal });
    assert.ok((await coloured({}, true)).out.includes('\u001b['));
    assert.ok(!(await coloured({}, false)).out.includes('\u001b['));
    assert.ok(!(await coloured({ NO_COLOR: '1' }, true)).out.includes('\u001b['));
  });
});
