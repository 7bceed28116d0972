import assert from 'node:assert/strict';
import { ok } from '../../../src/base/result';
import type {
  ConflictJson,
  ConflictSideJson,
  FindingJson,
  ResolveJson,
  SyncReportJson,
} from '../../../src/device/json';
import { runScratch } from '../../support/cliTerminal';
import { idleStatus, MemoryDevice } from '../../support/memoryDevice';

const report: SyncReportJson = {
  pushed: 1,
  pulled: 2,
  merged: 1,
  conflicts: 0,
  durationMs: 12.3,
  cursor: 'c',
};

function syncing(answer: SyncReportJson, asked: unknown[] = []): MemoryDevice {
  const device = new MemoryDevice();
  const sync: MemoryDevice['sync'] = {
    ...device.sync,
    now: async options => {
      asked.push(options);
      return ok(answer);
    },
  };
  return Object.assign(device, { sync });
}

describe('sync commands', () => {
  it('answers a cycle with exactly the agreed fields', async () => {
    const run = await runScratch(syncing(report), ['sync', '--json']);
    assert.equal(run.out, `${JSON.stringify(report)}\n`);
  });

  it('fails when an item was left out, with what was done all the same', async () => {
    const notice = '“Plan” (1f3a9c2d) is not synced: it is too large.';
    const left = { ...report, refused: 1, notice };
    const run = await runScratch(syncing(left), ['sync']);
    assert.equal(run.exitCode, 1);
    assert.equal(run.errors, `scratch: ${notice}\n`);
    assert.match(run.out, /^Synced: pushed 1, pulled 2, merged 1, refused 1 /);
    const json = await runScratch(syncing(left), ['sync', '--json']);
    assert.equal(json.exitCode, 1);
    assert.deepEqual(JSON.parse(json.out), { ...left, error: { code: 'itemRefused', message: notice } });
  });

  it('tells what a person should know although the cycle succeeded', async () => {
    const run = await runScratch(syncing({ ...report, notice: 'The clock has jumped.' }), ['sync']);
    assert.deepEqual([run.exitCode, run.errors], [0, 'scratch: The clock has jumped.\n']);
  });

  it('asks for a cycle by command, accepting a mass change only when told to', async () => {
    const asked: unknown[] = [];
    await runScratch(syncing(report, asked), ['sync']);
    await runScratch(syncing(report, asked), ['sync', '--accept-mass-change']);
    assert.deepEqual(asked, [
      { trigger: 'command', acceptMassChange: false },
      { trigger: 'command', acceptMassChange: true },
    ]);
  });

  it('goes back from a mass change without syncing', async () => {
    const device = new MemoryDevice();
    const run = await runScratch(device, ['sync', '--reject-mass-change']);
    assert.equal(run.exitCode, 0);
    assert.ok(
      device.asked.includes('rejectMassChange') && !device.asked.some(asked => asked.startsWith('sync')),
    );
  });

  it('says where to look after a conflict', async () => {
    const run = await runScratch(syncing({ ...report, conflicts: 2 }), ['sync']);
    assert.match(run.out, /2 new conflicts/);
    assert.match(run.out, /scratch conflicts/);
  });

  it('shows the state in words, with what to do next', async () => {
    const device = new MemoryDevice();
    device.currentStatus = {
      ...idleStatus,
      state: 'attention',
      attention: 'Another device changed most items.',
      pending: 1,
      openConflicts: 2,
      clockOffsetMs: -90_000,
    };
    const run = await runScratch(device, ['status']);
    assert.match(run.out, /attention +Another device changed most items\./);
    assert.match(run.out, /waiting +1 item to be pushed/);
    assert.match(run.out, /conflicts +2 open: scratch conflicts/);
    assert.match(run.out, /clock +90 s ahead of the server/);
    assert.doesNotMatch(run.out, /--accept/);
    device.currentStatus = {
      ...device.currentStatus,
      guard: { changed: 9, total: 10, snapshot: 's' },
    };
    assert.match((await runScratch(device, ['status'])).out, /attention .*--accept-mass-change/);
  });

  it('tells what syncing has done and cost', async () => {
    const device = new MemoryDevice();
    device.currentStatus = {
      ...idleStatus,
      counters: {
        cycles: { succeeded: 19, failed: 1 },
        conflictsResolved: { automatically: 3, byPerson: 1 },
        pulls: { count: 20, totalMs: 250, p50Ms: 9, p95Ms: 40 },
        pushes: { count: 0, totalMs: 0, p50Ms: null, p95Ms: null },
        bytesSent: 900,
        bytesReceived: 3 * 1024 * 1024,
      },
    };
    const run = await runScratch(device, ['status']);
    assert.match(run.out, /syncs +20, of which 95 % succeeded/);
    assert.match(run.out, /resolved +3 conflicts by merging, 1 by hand/);
    assert.match(run.out, /mean time +pull 13 ms, push none yet/);
    assert.match(run.out, /p50 \/ p95 +pull 9 \/ 40 ms, push none yet/);
    assert.match(run.out, /traffic +900 bytes sent, 3.0 MiB received/);
  });

  it('answers the status as it is for a program', async () => {
    const run = await runScratch(new MemoryDevice(), ['status', '--json']);
    assert.deepEqual(JSON.parse(run.out), idleStatus);
  });

  it('lists the log', async () => {
    const device = new MemoryDevice();
    device.logEntries = [
      {
        ...report,
        at: '2026-01-02T03:04:05.000Z',
        trigger: 'timer',
        bytesSent: 1,
        bytesReceived: 2,
        pullMs: 1,
        mergeMs: 1,
        pushMs: 1,
        error:
          'The server https://scratch.example cannot be reached (ECONNREFUSED). Nothing is lost: it is sent later.',
      },
    ];
    const run = await runScratch(device, ['log']);
    assert.match(
      run.out,
      /timer +1 +2 +1 +12 +failed\n {4}The server .* cannot be reached .* sent later\.$/m,
    );
  });
});

describe('conflict commands', () => {
  const side = (deviceName: string, body: string): ConflictSideJson => ({
    ...new MemoryDevice().hold({ id: 'i1', body }),
    deviceName,
  });
  const conflict: ConflictJson = {
    id: '0123456789abcdef0123456789abcdef',
    itemId: 'i1',
    kind: 'note',
    title: 'Plan',
    base: side('desktop', 'base text'),
    local: side('laptop', 'local text'),
    remote: side('desktop', 'remote text'),
    outcome: 'lastWriterWins',
    winner: 'remote',
    keys: ['body'],
    detectedAt: '2026-01-02T03:04:05.000Z',
    deviceId: '00000000000000aa',
    state: 'open',
  };
  const device = () => Object.assign(new MemoryDevice(), { openConflicts: [conflict] });

  it('lists conflicts for a person and for a program', async () => {
    const run = await runScratch(device(), ['conflicts']);
    assert.match(run.out, /01234567 +Plan +.* the later won +open/);
    assert.deepEqual(JSON.parse((await runScratch(device(), ['conflicts', '--json'])).out), [conflict]);
  });

  it('shows the base and both sides with the names of their devices', async () => {
    const { out } = await runScratch(device(), ['conflicts', conflict.id]);
    for (const part of ['base text', 'local text', 'remote text', 'local: laptop', 'remote: desktop']) {
      assert.ok(out.includes(part), part);
    }
    assert.match(out, /remote: desktop.*the current text/);
  });

  it('shows the other fields that both sides changed', async () => {
    const local = { ...conflict.local, title: 'Mine', tags: ['a', 'b'] };
    const remote = { ...conflict.remote, title: 'Theirs' };
    const titled = { ...conflict, local, remote, keys: ['title', 'tags', 'body'] };
    const run = await runScratch(Object.assign(new MemoryDevice(), { openConflicts: [titled] }), [
      'conflicts',
      conflict.id,
    ]);
    assert.match(run.out, /== local.*\ntitle: Mine\ntags: \["a","b"\]\nlocal text/);
    assert.match(run.out, /== remote.*\ntitle: Theirs\n/);
  });

  it('prints a merge byte for byte, to be edited', async () => {
    assert.equal((await runScratch(device(), ['conflicts', conflict.id, '--merge'])).out, 'merged');
  });

  it('resolves by a side or by an edited text', async () => {
    const cases: readonly (readonly [readonly string[], ResolveJson])[] = [
      [['--keep', 'both'], { keep: 'both' }],
      [['--file', '-'], { body: 'edited\n' }],
    ];
    for (const [args, how] of cases) {
      const resolved = device();
      const run = await runScratch(resolved, ['resolve', conflict.id, ...args], { input: 'edited\n' });
      assert.equal(run.exitCode, 0, run.errors);
      assert.equal(resolved.asked[0], `resolve ${conflict.id} ${JSON.stringify(how)}`);
    }
  });

  it('takes a resolution back', async () => {
    const run = await runScratch(device(), ['resolve', conflict.id, '--undo']);
    assert.match(run.out, /^Open again: Plan/);
  });
});

describe('upkeep commands', () => {
  it('offers to mend what the doctor can mend', async () => {
    const device = new MemoryDevice();
    const upkeep: MemoryDevice['upkeep'] = {
      ...device.upkeep,
      doctor: async ({ mend }) =>
        ok([
          { check: 'integrity', level: 'ok', found: 'The file is sound.', mended: false },
          {
            check: 'index',
            level: 'warning',
            found: 'Two items are missing.',
            mend: 'Build it anew.',
            mended: mend,
          },
        ]),
    };
    const look = await runScratch(Object.assign(device, { upkeep }), ['doctor']);
    assert.match(look.out, /Can be mended: Build it anew\.[\s\S]*doctor --mend/);
    const mended = await runScratch(device, ['doctor', '--mend']);
    assert.match(mended.out, /Mended: Build it anew\./);
    assert.ok(!mended.out.includes('doctor --mend'));
  });

  it('fails when the doctor leaves an error as it is', async () => {
    const device = new MemoryDevice();
    const finding: FindingJson = {
      check: 'items',
      level: 'error',
      found: 'A row is damaged.',
      mended: false,
    };
    const upkeep: MemoryDevice['upkeep'] = {
      ...device.upkeep,
      doctor: async ({ mend }) => ok([{ ...finding, mended: mend }]),
    };
    const look = await runScratch(Object.assign(device, { upkeep }), ['doctor', '--json']);
    assert.equal(look.exitCode, 1);
    assert.ok(Array.isArray(JSON.parse(look.out)));
    assert.match(look.errors, /1 error: A row is damaged\./);
    assert.equal((await runScratch(device, ['doctor', '--mend'])).exitCode, 0);
  });

  it('says how to undo a rollback', async () => {
    const run = await runScratch(new MemoryDevice(), ['rollback', 's1']);
    assert.match(run.out, /scratch rollback s2 undoes this/);
  });
});
