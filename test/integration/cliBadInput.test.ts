import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ItemJson, ItemSummaryJson, LogEntryJson, StatusJson } from '../../src/device/json';
import { defaultMaxItemBytes } from '../../src/protocol/limits';
import { freePort, type ScratchRun, type ServerProcess, scratch, startServer } from '../support/processes';

const environment = { SCRATCH_PASSWORD: 'correct horse battery staple' };

describe('bad input and bad luck in the terminal', () => {
  let folder = '';
  let home = '';
  let server: ServerProcess;
  let kept: ItemJson;
  const run = (args: readonly string[], input = '') => scratch(home, args, { environment, input });
  const signUp = (url: string, login: string) => ['sign-up', '--server', url, '--login', login];
  const signIn = (url: string, login: string) => ['sign-in', '--server', url, '--login', login];

  /** One line on standard error that says something, and nothing on standard output. */
  function assertFailed(ended: ScratchRun, exitCode: number, said: RegExp): void {
    assert.equal(ended.exitCode, exitCode, ended.errors + ended.out);
    assert.match(ended.errors, /^scratch: [^\n]+\n$/);
    assert.match(ended.errors, said);
    assert.doesNotMatch(ended.errors, /\bat .*\.js:\d+|undefined|\[object/);
    assert.equal(ended.out, '');
  }

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'scratch-bad-input-'));
    server = await startServer(path.join(folder, 'server'), { SIGN_UP: 'open' });
  });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => {
    home = await mkdtemp(path.join(folder, 'home-'));
    const added = await run(['add', 'note', 'Kept', '--body', 'kept text\n', '--json']);
    assert.equal(added.exitCode, 0, added.errors);
    kept = JSON.parse(added.out);
  });
  afterEach(async function nothingLost() {
    const shown = await run(['show', kept.id, '--body']);
    assert.equal(shown.out, 'kept text\n', shown.errors);
  });

  it('says that there is no such item', async () => {
    for (const command of ['show', 'rm', 'history', 'restore']) {
      assertFailed(await run([command, '00000000-0000-4000-8000-000000000000']), 2, /item/);
      assertFailed(await run([command, 'not an id']), 2, /item/);
    }
    assertFailed(await run(['edit', 'ffffffffffff', '--title', 'x']), 2, /item/);
    assertFailed(await run(['resolve', 'ffffffffffff', '--keep', 'local']), 2, /conflict/);
    assertFailed(await run(['rollback', 'ffffffffffff']), 2, /snapshot/);
    assertFailed(await run(['restore', kept.id, '--version', '999']), 2, /version/);
  });

  it('refuses fields that a kind does not have, and an empty title', async () => {
    assertFailed(await run(['add', 'note', 'A note', '--prefix', 'x']), 2, /prefix/);
    assertFailed(await run(['add', 'snippet', 'A snippet', '--target', 'settings']), 2, /target/);
    assertFailed(await run(['add', 'note', '']), 2, /title/);
  });

  it('refuses a field that is not what the model says it is', async () => {
    assertFailed(
      await run(['add', 'config', 'A config', '--target', '/etc/passwd']),
      2,
      /target is settings,/,
    );
    assertFailed(await run(['edit', kept.id, '--repository', 'nonsense']), 2, /repository is the address/);
    assertFailed(await run(['edit', kept.id, '--folder', '../x']), 2, /folder is names joined/);
    assertFailed(await run(['list', '--folder', '..']), 2, /folder is names joined/);
    assertFailed(await run(['edit', kept.id, '--language', '']), 2, /language is one id/);
  });

  it('says that it is not signed in', async () => {
    assertFailed(await run(['sync']), 4, /sign/);
    assertFailed(await run(['devices']), 4, /sign/);
  });

  it('refuses a wrong password, a login that is not there, and one that is taken', async () => {
    assert.equal((await run(signUp(server.url, 'grace'))).exitCode, 0);
    const other = await mkdtemp(path.join(folder, 'other-'));
    const wrong = { environment: { SCRATCH_PASSWORD: 'not the password' } };
    assertFailed(await scratch(other, signIn(server.url, 'grace'), wrong), 4, /password/i);
    assertFailed(await scratch(other, signIn(server.url, 'nobody'), wrong), 4, /password/i);
    assertFailed(await scratch(other, signUp(server.url, 'grace'), { environment }), 1, /grace|login/i);
    assertFailed(await scratch(home, ['recovery-phrase'], wrong), 4, /password/i);
  });

  it('says that the server is not reachable, keeps the change, and pushes it later', async () => {
    const port = String(await freePort());
    const dataDir = path.join(await mkdtemp(path.join(folder, 'stopping-')), 'server');
    const first = await startServer(dataDir, { SIGN_UP: 'open', PORT: port });
    assert.equal((await run(signUp(first.url, 'edsger'))).exitCode, 0);
    await first.stop();
    assertFailed(await run(['sync']), 3, /reach/);
    const failed = await run(['sync', '--json']);
    assert.equal(JSON.parse(failed.out).error.code, 'unreachable');
    const status: StatusJson = JSON.parse((await run(['status', '--json'])).out);
    assert.equal(status.pending, 1);
    const second = await startServer(dataDir, { SIGN_UP: 'open', PORT: port });
    const synced = await run(['sync', '--json']);
    assert.equal(JSON.parse(synced.out).pushed, 1, synced.errors);
    await second.stop();
  });

  it('says that the address of the server is not one', async () => {
    for (const url of ['sync.example.com', 'ftp://sync.example.com', 'http://']) {
      assertFailed(await run(signUp(url, 'ada')), 2, /address|server|http/i);
    }
  });

  it('does not take another program for a server', async () => {
    const answers = ['{"malformed', '<html></html>', '', '[]', '{"login":{}}'];
    const stranger = createServer((_, answer) => answer.end(answers.shift() ?? ''));
    stranger.listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const address = stranger.address();
    assert.ok(address && typeof address === 'object');
    while (answers.length > 0) {
      assertFailed(await run(signIn(`http://127.0.0.1:${address.port}`, 'ada')), 1, /server/i);
    }
    stranger.close();
    await once(stranger, 'close');
  });

  it('refuses an item that is too large for any server', async () => {
    const body = 'x'.repeat(4 * defaultMaxItemBytes);
    const random = Array.from({ length: body.length / 8 }, (_, index) =>
      (index * 2654435761).toString(36).slice(-8),
    );
    const added = await run(['add', 'note', 'Large', '--file', '-'], random.join('').slice(0, body.length));
    assertFailed(added, 2, /at most|large/);
    const listed: ItemSummaryJson[] = JSON.parse((await run(['list', '--json'])).out);
    assert.deepEqual(
      listed.map(({ title }) => title),
      ['Kept'],
    );
  });

  it('says at a sync which item the server does not take', async () => {
    const small = await startServer(path.join(folder, 'small'), { SIGN_UP: 'open', MAX_ITEM_BYTES: '4096' });
    try {
      assert.equal((await run(signUp(small.url, 'edsger'))).exitCode, 0);
      const body = randomBytes(8192).toString('base64');
      assert.equal((await run(['add', 'note', 'Large', '--file', '-'], body)).exitCode, 0);
      for (let times = 0; times < 2; times++) {
        const synced = await run(['sync']);
        assert.equal(synced.exitCode, 1, synced.out);
        assert.match(synced.errors, /^scratch: “Large” \([0-9a-f]{8}\) is not synced: [^\n]+\n$/);
      }
      const [entry]: readonly LogEntryJson[] = JSON.parse((await run(['log', '--json'])).out);
      assert.match(entry?.notice ?? '', /not synced/);
    } finally {
      await small.stop();
    }
  });

  it('refuses a recovery phrase that is not one', async () => {
    assert.equal((await run(signUp(server.url, 'alan'))).exitCode, 0);
    const other = await mkdtemp(path.join(folder, 'other-'));
    const args = [...signIn(server.url, 'alan'), '--recovery-phrase-stdin'];
    const options = { input: 'abandon abandon\n', environment: { SCRATCH_NEW_PASSWORD: 'a new password' } };
    const ended = await scratch(other, args, options);
    assert.ok(ended.exitCode === 2 || ended.exitCode === 4, String(ended.exitCode));
    assertFailed(ended, ended.exitCode, /phrase/);
  });

  it('signs in with the recovery phrase that sign-up printed, and sets a new password', async () => {
    const signedUp = await run([...signUp(server.url, 'barbara'), '--json']);
    await run(['sync']);
    const { recoveryPhrase } = JSON.parse(signedUp.out);
    const other = await mkdtemp(path.join(folder, 'other-'));
    const newPassword = { SCRATCH_NEW_PASSWORD: 'another horse battery' };
    const recovered = await scratch(other, [...signIn(server.url, 'barbara'), '--recovery-phrase-stdin'], {
      input: `${recoveryPhrase}\n`,
      environment: newPassword,
    });
    assert.equal(recovered.exitCode, 0, recovered.errors);
    assert.equal((await scratch(other, ['sync'])).exitCode, 0);
    assert.equal((await scratch(other, ['show', kept.id, '--body'])).out, 'kept text\n');
    const third = await mkdtemp(path.join(folder, 'third-'));
    assertFailed(await scratch(third, signIn(server.url, 'barbara'), { environment }), 4, /password/i);
    const withNew = { environment: { SCRATCH_PASSWORD: newPassword.SCRATCH_NEW_PASSWORD } };
    assert.equal((await scratch(third, signIn(server.url, 'barbara'), withNew)).exitCode, 0);
  });

  it('sets a damaged store aside, recovers what can be read, and brings the rest back by sync', async () => {
    assert.equal((await run(signUp(server.url, 'niklaus'))).exitCode, 0);
    assert.equal((await run(['sync'])).exitCode, 0);
    const file = await open(path.join(home, 'store.db'), 'r+');
    await file.write(Buffer.alloc(100, 0x5a), 0, 100, 0);
    await file.close();
    const listed = await run(['list']);
    assert.match(listed.errors, /^scratch: [^\n]+\n$/, 'says in one line that the store was damaged');
    const names = await readdir(home);
    assert.ok(
      names.some(name => name.startsWith('store.db.damaged-')),
      names.join(' '),
    );
    const signedIn = await run(signIn(server.url, 'niklaus'));
    assert.ok(signedIn.exitCode === 0 || signedIn.exitCode === 1, signedIn.errors);
    const synced = await run(['sync']);
    assert.equal(synced.exitCode, 0, synced.errors);
  });

  it('sets aside a file that is not a store, and says so', async () => {
    const foreign = await mkdtemp(path.join(folder, 'foreign-'));
    await writeFile(path.join(foreign, 'store.db'), 'a letter to my aunt\n'.repeat(500));
    const ended = await scratch(foreign, ['list']);
    const names = await readdir(foreign);
    const preserved = names.some(name => name.startsWith('store.db'));
    assert.ok(preserved, names.join(' '));
    assert.match(ended.errors, /^scratch: [^\n]+\n$/);
  });

  it('says that it may not write to its home', async function readOnlyHome() {
    if (process.getuid?.() === 0) return; // nothing is read-only to root
    const closed = await mkdtemp(path.join(folder, 'closed-'));
    await chmod(closed, 0o500);
    assertFailed(await scratch(closed, ['list']), 1, /write|permission|read-only/i);
  });

  it('takes a home that cannot be one for a failure', async () => {
    const file = path.join(folder, 'a-file');
    await writeFile(file, 'x');
    assertFailed(await scratch(path.join(file, 'home'), ['list']), 1, /folder|home|store/i);
  });
});
