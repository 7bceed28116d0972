import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemRandom } from '../../../../src/base/random';
import { fileSecrets, isPrivateFolder } from '../../../../src/device/account/fileSecrets';

describe('secrets in a folder', () => {
  let home = '';
  let folder = '';
  const warnings: string[] = [];
  const open = () => fileSecrets(folder, systemRandom, message => warnings.push(message));
  const modeOf = async (file: string) => (await stat(file)).mode & 0o777;
  beforeEach(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'scratch-secrets-'));
    folder = path.join(home, 'secrets');
    warnings.length = 0;
  });
  afterEach(() => rm(home, { recursive: true }));

  it('gives back what was set, also to another process, until it is deleted', async () => {
    const secrets = open();
    assert.equal(await secrets.get('session'), undefined);
    await secrets.set('session', 'one');
    await secrets.set('session', 'two');
    await secrets.set('localKey', 'key');
    assert.equal(await open().get('session'), 'two');
    await secrets.delete('session');
    await secrets.delete('session');
    assert.equal(await open().get('session'), undefined);
    assert.equal(await open().get('localKey'), 'key');
    assert.deepEqual(await readdir(folder), ['localKey']);
  });

  it('lets nobody else read them', async () => {
    await open().set('session', 'one');
    assert.equal(await modeOf(folder), 0o700);
    assert.equal(await modeOf(path.join(folder, 'session')), 0o600);
    assert.equal(await isPrivateFolder(folder), true);
  });

  it('mends a file that others could read, and says so', async () => {
    await open().set('session', 'one');
    await chmod(path.join(folder, 'session'), 0o644);
    assert.equal(await open().get('session'), 'one');
    assert.equal(await modeOf(path.join(folder, 'session')), 0o600);
    assert.match(warnings.join(), /could be read by others/);
  });

  it('answers the value or nothing while another process signs out', async () => {
    for (let round = 0; round < 100; round++) {
      await open().set('session', 'one');
      const reading = Promise.all(Array.from({ length: 8 }, () => open().get('session')));
      await open().delete('session');
      for (const value of await reading) assert.ok(value === 'one' || value === undefined);
    }
  });

  it('keeps one whole value of those that are set at once', async () => {
    const values = Array.from({ length: 8 }, (_, index) => String(index).repeat(10_000 + index));
    await Promise.all(values.map(value => open().set('session', value)));
    assert.ok(values.includes((await open().get('session')) ?? ''));
    assert.deepEqual(await readdir(folder), ['session']);
  });

  it('leaves no copy of a value behind that it could not put in place', async () => {
    await mkdir(path.join(folder, 'session'), { recursive: true });
    await assert.rejects(open().set('session', 'one'));
    assert.deepEqual(await readdir(folder), ['session']);
  });

  it('deletes also what a process that was killed has left of it', async () => {
    await open().set('session', 'one');
    await open().set('localKey', 'key');
    await writeFile(path.join(folder, 'session.4242'), 'the one before');
    await open().delete('session');
    assert.deepEqual(await readdir(folder), ['localKey']);
  });

  it('tells a folder that others may look into, or that is not there, from a private one', async () => {
    assert.equal(await isPrivateFolder(folder), false);
    await open().set('session', 'one');
    await chmod(folder, 0o750);
    assert.equal(await isPrivateFolder(folder), false);
  });
});
