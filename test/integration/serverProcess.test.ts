import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { systemRandom } from '../../src/base/random';
import { dayMs, systemClock } from '../../src/base/time';
import { serverMigrations } from '../../src/server/storage/schema';
import { latestVersion } from '../../src/sqlite/migrations';
import { freePort, type ServerProcess, startServer } from '../support/processes';
import { readManifest, signIn, signUp, type TestDevice } from '../support/testDevice';
import { createCertificate } from './serverCertificate';
import { scratchServer } from './serverCommands';

const open = { SIGN_UP: 'open' };
const push = (device: TestDevice, cursor: string | null = null) =>
  device.push([device.change({ itemId: systemRandom.uuid(), millis: systemClock.now() })], cursor);

describe('the server as a process', () => {
  const root = mkdtempSync(join(tmpdir(), 'scratch-server-'));
  let dataDir = '';
  const running: ServerProcess[] = [];
  beforeEach(() => {
    dataDir = mkdtempSync(join(root, 'data-'));
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map(server => server.kill()));
  });
  after(() => rmSync(root, { recursive: true }));

  const start = async (environment: Readonly<Record<string, string>> = open) => {
    const server = await startServer(dataDir, environment);
    running.push(server);
    return server;
  };
  const run = (...args: string[]) => scratchServer(dataDir, args);

  it('prints an invite at its first start, which opens one account, and keeps everything over a restart', async () => {
    const first = await start({});
    const code = await first.prints(/Invite code for the first account: (\S+)/);
    const device = await signUp(fetch, 'ada', { base: first.url, invite: code });
    const { cursor } = await push(device);
    const pulled = await device.pull();
    assert.equal(await first.stop(), 0);
    assert.ok(!first.printed().includes(device.token));

    const port = new URL(first.url).port;
    const second = await start({ PORT: port });
    assert.ok(!second.printed().includes('Invite code'));
    assert.deepEqual({ ...(await device.pull()), serverTime: 0 }, { ...pulled, serverTime: 0 });
    assert.deepEqual((await device.pull(cursor)).changes, []);
    assert.equal(await second.stop(), 0);
  });

  it('says in a line that its folder cannot be used', async () => {
    const file = join(dataDir, 'a file');
    writeFileSync(file, '');
    const impossible = process.platform === 'linux' ? ['/proc/scratch'] : [];
    for (const folder of [file, join(file, 'below'), ...impossible]) {
      for (const command of ['accounts', 'serve']) {
        const ended = await scratchServer(folder, [command]);
        assert.equal(ended.exitCode, 1, ended.errors);
        assert.match(ended.errors, /^DATA_DIR [^\n]+\n$/);
        assert.ok(ended.errors.includes(folder));
      }
    }
  });

  it('tells its version, and makes no invite that nobody could use', async () => {
    assert.match((await run('--version')).out, /^\d+\.\d+\.\d+\S*\n$/);
    const invited = await scratchServer(dataDir, ['invite'], { SIGN_UP: 'closed' });
    assert.equal(invited.exitCode, 1);
    assert.match(invited.errors, /^SIGN_UP is closed[^\n]+\n$/);
  });

  it('answers HEAD like GET, without a body', async () => {
    const server = await start();
    for (const probe of ['/healthz', '/readyz', '/metrics']) {
      const response = await fetch(`${server.url}${probe}`, { method: 'HEAD' });
      assert.equal(response.status, 200, probe);
      assert.match(response.headers.get('Content-Type') ?? '', /^text\/plain/);
      assert.equal(await response.text(), '');
    }
  });

  it('drains when it is told to stop: streams end, open requests finish, new ones find no one', async () => {
    const server = await start();
    const device = await signUp(fetch, 'ada', { base: server.url });
    const stream = await device.call('GET', '/v1/events');
    const reader = stream.body?.getReader();
    assert.ok(reader);
    await reader.read();
    const body = JSON.stringify({
      cursor: null,
      changes: [device.change({ itemId: systemRandom.uuid(), millis: systemClock.now() })],
    });
    const slow = await openRequest(server.url, device.token, body.length);
    await slow.write(body.slice(0, 10));
    const stopping = server.stop();
    assert.equal((await reader.read()).done, true);
    await assert.rejects(fetch(`${server.url}/healthz`, { headers: { Connection: 'close' } }));
    await slow.write(body.slice(10));
    const answer = await slow.answer;
    assert.equal(answer.status, 200);
    assert.match(answer.text, /"accepted"/);
    assert.equal(await stopping, 0);
  });

  it('ends by itself even when a request never does', async () => {
    const server = await start();
    const device = await signUp(fetch, 'ada', { base: server.url });
    const stuck = await openRequest(server.url, device.token, 100);
    await stuck.write('{');
    assert.equal(await server.stop(), 0, 'it had not to be killed');
    await assert.rejects(stuck.answer);
  });

  it('loses nothing that it has acknowledged when it is killed', async () => {
    const acknowledged: string[] = [];
    const port = String(await freePort());
    let device: TestDevice | undefined;
    for (let round = 0; round < 4; round++) {
      const server = await start({ ...open, PORT: port });
      device ??= await signUp(fetch, 'ada', { base: server.url });
      const pushing = device;
      let isKilled = false;
      const work = (async () => {
        while (!isKilled) {
          const change = pushing.change({ itemId: systemRandom.uuid(), millis: systemClock.now() });
          const answered = await pushing.push([change]).catch(() => undefined);
          if (answered?.results[0]?.status === 'accepted') acknowledged.push(String(change['itemId']));
        }
      })();
      const before = acknowledged.length;
      while (acknowledged.length < before + 3 + round) await device.pull();
      isKilled = true;
      await server.kill();
      await work;
    }
    await start({ ...open, PORT: port });
    assert.ok(device);
    const held = new Set((await readManifest(device)).items.map(({ itemId }) => String(itemId)));
    assert.deepEqual(
      acknowledged.filter(itemId => !held.has(itemId)),
      [],
    );
    const check = await run('check');
    assert.equal(check.exitCode, 0, check.errors);
  });

  it('starts a new epoch for a device that was ahead of a restored backup', async () => {
    const server = await start();
    const ahead = await signUp(fetch, 'ada', { base: server.url });
    const { cursor: shared } = await push(ahead, (await ahead.pull()).cursor);
    const backup = join(root, 'backup.db');
    const backedUp = await run('backup', backup);
    assert.deepEqual([backedUp.exitCode, backedUp.errors], [0, '']);
    const { cursor: lost } = await push(ahead, shared ?? null);
    const { epoch } = await readManifest(ahead);

    const refused = await run('restore', backup);
    assert.deepEqual([refused.exitCode, refused.out], [1, '']);
    assert.match(refused.errors, /Stop it/);
    await server.stop();
    const restored = await run('restore', backup);
    assert.deepEqual([restored.exitCode, restored.errors], [0, '']);
    assert.ok(readdirSync(dataDir).some(name => name.includes('before-restore')));

    await start({ ...open, PORT: new URL(server.url).port });
    assert.deepEqual((await ahead.pull(shared)).changes, []);
    assert.equal((await ahead.call('GET', `/v1/changes?since=${lost}`)).status, 409);
    const manifest = await readManifest(ahead);
    assert.notEqual(manifest.epoch, epoch);
    assert.equal(manifest.items.length, 1);
  });

  it('refuses a backup that is damaged or of another program, and leaves the store as it is', async () => {
    const server = await start();
    await push(await signUp(fetch, 'ada', { base: server.url }));
    await server.stop();
    const before = readFileSync(join(dataDir, 'server.db'));
    const backup = join(root, 'good.db');
    await run('backup', backup);
    const damaged = join(root, 'damaged.db');
    writeFileSync(damaged, readFileSync(backup).fill(0x5a, 8192, 30_000));
    const text = join(root, 'text.db');
    writeFileSync(text, 'this is no database');
    for (const file of [damaged, text, join(root, 'missing.db')]) {
      const refused = await run('restore', file);
      assert.equal(refused.exitCode, 1, file);
      assert.match(refused.errors, /backup/i);
      assert.deepEqual(readFileSync(join(dataDir, 'server.db')), before);
    }
    assert.deepEqual(
      readdirSync(dataDir).filter(name => name.startsWith('restoring')),
      [],
    );
  });

  it('starts on a damaged store with what can be read, in a new epoch', async () => {
    const server = await start();
    const device = await signUp(fetch, 'ada', { base: server.url });
    for (let count = 0; count < 5; count++) await push(device);
    const { cursor } = await device.pull();
    await server.stop();
    truncateSync(join(dataDir, 'server.db'), readFileSync(join(dataDir, 'server.db')).length - 4096);
    const again = await start({ ...open, PORT: new URL(server.url).port });
    assert.match(again.printed(), /damaged/);
    assert.ok(readdirSync(dataDir).some(name => name.includes('damaged')));
    const status = (await device.call('GET', `/v1/changes?since=${cursor}`)).status;
    assert.ok([409, 401].includes(status), `${status}`);
    await again.stop();
    assert.equal((await run('check')).exitCode, 0);
  });

  it('says in words what keeps it from starting', async () => {
    const server = await start();
    const { port } = new URL(server.url);
    const second = await scratchServer(dataDir, ['serve'], { ...open, PORT: '0' });
    assert.equal(second.exitCode, 1);
    assert.match(second.errors, /Another server seems to run on this store/);
    const other = await scratchServer(join(root, 'other'), ['serve'], { ...open, PORT: port });
    assert.equal(other.exitCode, 1);
    assert.match(other.errors, new RegExp(`Port ${port} is in use`));
    const wrong = await scratchServer(dataDir, ['serve'], { PORT: 'x', DATABASE_URL: 'postgres://x' });
    assert.equal(wrong.exitCode, 2);
    assert.match(wrong.errors, /PORT must be a whole number/);
    const noKey = await scratchServer(join(root, 'other'), ['serve'], {
      TLS_CERT: join(root, 'no.pem'),
      TLS_KEY: join(root, 'no.pem'),
    });
    assert.equal(noKey.exitCode, 1);
    assert.match(noKey.errors, /TLS_CERT/);
  });

  it('is looked after from the command line while it runs', async () => {
    const server = await start({});
    const invite = await run('invite', '--expires', '12h');
    const [code = ''] = invite.out.split('\n');
    const laptop = await signUp(fetch, 'ada', { base: server.url, invite: code });
    const desktop = await signIn(fetch, 'ada', { base: server.url });
    await push(laptop);
    assert.match(
      (await run('accounts')).out,
      /^login +devices +items +bytes +created\nada +2 +1 +40 +2\d{3}-/,
    );
    assert.match((await run('devices', 'ADA')).out, new RegExp(`${desktop.deviceId} +desktop `));

    const stream = (await desktop.call('GET', '/v1/events')).body?.getReader();
    assert.ok(stream);
    await stream.read();
    assert.equal((await run('revoke', 'ada', desktop.deviceId)).exitCode, 0);
    while (!(await stream.read()).done);
    assert.equal((await desktop.call('GET', '/v1/changes')).status, 401);
    assert.equal((await laptop.call('GET', '/v1/changes')).status, 200);

    for (const [args, exitCode, errors] of [
      [['revoke', 'ada', desktop.deviceId], 1, /no device/],
      [['devices', 'bob'], 1, /no account bob/],
      [['delete-account', 'bob'], 1, /no account bob/],
      [['invite', '--expires', 'soon'], 2, /^error: option '--expires <term>'[^\n]+30m, 12h or 7d\.\n?$/],
      [['devices'], 2, /missing required argument/],
      [['frobnicate'], 2, /unknown command/],
      [[], 2, /Usage/],
    ] as const) {
      const failed = await run(...args);
      assert.equal(failed.exitCode, exitCode, args.join(' '));
      assert.match(failed.errors, errors);
      assert.equal(failed.out, '');
    }
    assert.match((await run('check')).out, /sound/);
    assert.match((await run('migrate')).out, new RegExp(`schema ${latestVersion(serverMigrations)}\\b`));
    assert.equal((await run('delete-account', 'ada')).exitCode, 0);
    assert.equal((await laptop.call('GET', '/v1/changes')).status, 401);
    assert.match((await run('--help')).out, /serve/);
  });
});

describe('the server behind TLS', () => {
  const root = mkdtempSync(join(tmpdir(), 'scratch-server-tls-'));
  const files = { TLS_CERT: join(root, 'cert.pem'), TLS_KEY: join(root, 'key.pem') };
  const install = (days: number) => {
    const now = systemClock.now();
    const certificate = createCertificate(new Date(now - 2 * dayMs), new Date(now + days * dayMs));
    writeFileSync(files.TLS_CERT, certificate.cert);
    writeFileSync(files.TLS_KEY, certificate.key);
    return certificate.cert;
  };
  let server: ServerProcess;
  let trusted = '';
  before(async () => {
    trusted = install(2);
    server = await startServer(join(root, 'data'), { ...open, ...files });
  });
  after(async () => {
    await server.stop();
    rmSync(root, { recursive: true });
  });
  const get = (ca?: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const options = { agent: false, ...(ca === undefined ? {} : { ca }) };
      httpsRequest(`${server.url}/healthz`, options, response => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });

  it('serves those who trust its certificate, and no one in the clear', async () => {
    assert.equal(await get(trusted), 200);
    await assert.rejects(get(), /self-signed/);
    await assert.rejects(
      get(createCertificate(new Date(systemClock.now()), new Date(systemClock.now() + dayMs)).cert),
    );
    await assert.rejects(fetch(server.url.replace('https', 'http')));
  });

  it('takes a renewed certificate without a restart, and keeps the old one when the new cannot be read', async () => {
    writeFileSync(files.TLS_CERT, 'nonsense');
    server.signal('SIGHUP');
    await server.prints(/(could not be read again)/);
    assert.equal(await get(trusted), 200);
    const renewed = install(3);
    server.signal('SIGHUP');
    await server.prints(/(certificate was read again)/);
    assert.equal(await get(renewed), 200);
    await assert.rejects(get(trusted));
  });
});

/** A push that the server has begun to serve, and whose body is sent piece by piece. */
async function openRequest(url: string, token: string, length: number) {
  const sent = httpRequest(`${url}/v1/changes`, {
    method: 'POST',
    agent: false,
    headers: { Authorization: `Bearer ${token}`, 'Content-Length': length, Expect: '100-continue' },
  });
  const answer = once(sent, 'response').then(async ([response]: IncomingMessage[]) => {
    assert.ok(response);
    let text = '';
    for await (const piece of response) text += String(piece);
    return { status: response.statusCode, text };
  });
  answer.catch(() => undefined); // a test that expects a failure awaits it later
  sent.flushHeaders();
  await once(sent, 'continue');
  return {
    answer,
    write: (piece: string) =>
      new Promise<void>((resolve, reject) => {
        sent.write(piece, error => (error ? reject(error) : resolve()));
      }),
  };
}
