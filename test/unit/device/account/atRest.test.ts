import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { systemRandom } from '../../../../src/base/random';
import { unwrap } from '../../../../src/base/result';
import { obtainLocalKey, printOf } from '../../../../src/device/account/atRest';
import type { SecretStore } from '../../../../src/device/account/secrets';
import { loadLocalKey } from '../../../../src/device/account/session';
import { Payloads } from '../../../../src/store/payloads';
import { storeMigrations } from '../../../../src/store/schema';
import { readState } from '../../../../src/store/state';
import { createStore } from '../../../../src/store/store';
import { MemorySecrets } from '../../../support/memoryCore';
import { type MemoryDatabase, openMemoryDatabase } from '../../../support/memoryDatabase';
import { testEpochMs } from '../../../support/testServer';
import { settle, VirtualTime } from '../../../support/virtualTime';

async function open(database: MemoryDatabase, secrets: SecretStore, time = new VirtualTime(testEpochMs)) {
  const store = createStore(database, new Payloads(undefined, 'sensitive'));
  const obtained = obtainLocalKey({ store, secrets, random: systemRandom, timers: time });
  obtained.catch(() => undefined);
  await time.advance(10_000);
  return unwrap(await obtained);
}

describe('the local key', () => {
  it('is made once, and found again', async () => {
    const database = await openMemoryDatabase(storeMigrations);
    const secrets = new MemorySecrets();
    const first = await open(database, secrets);
    assert.ok(first);
    assert.deepEqual(await open(database, secrets), first);
    const store = createStore(database, new Payloads(undefined, 'sensitive'));
    assert.equal(unwrap(await store.read(tx => readState(tx, 'localKeyPrint'))), printOf(first));
  });

  it('is the same for windows that open a new device at the same moment', async () => {
    for (let round = 0; round < 10; round++) {
      const database = await openMemoryDatabase(storeMigrations);
      const kept = new MemorySecrets();
      // Each call takes its own time, so that the windows meet in every order.
      const slow: SecretStore = {
        get: async name => {
          for (let turn = systemRandom.fraction() * 3; turn > 0; turn--) await settle();
          return kept.get(name);
        },
        set: async (name, value) => {
          for (let turn = systemRandom.fraction() * 3; turn > 0; turn--) await settle();
          await kept.set(name, value);
        },
        delete: name => kept.delete(name),
      };
      const time = new VirtualTime(testEpochMs);
      const windows = Array.from({ length: 3 }, () =>
        obtainLocalKey({
          store: createStore(database, new Payloads(undefined, 'sensitive')),
          secrets: slow,
          random: systemRandom,
          timers: time,
        }),
      );
      let done = false;
      const all = Promise.all(windows).finally(() => {
        done = true;
      });
      while (!done) await time.advance(100);
      const keys = (await all).map(unwrap);
      const held = await loadLocalKey(kept);
      for (const key of keys) assert.deepEqual(key, held);
    }
  });

  it('is not decided before it is kept: a secret storage that refuses locks nothing', async () => {
    const database = await openMemoryDatabase(storeMigrations);
    const secrets = new MemorySecrets();
    secrets.refuses = true;
    await assert.rejects(open(database, secrets));
    secrets.refuses = false;
    assert.ok(await open(database, secrets), 'the next start is not locked');
  });

  it('is undefined when the secret storage lost the one that the store was written with', async () => {
    const database = await openMemoryDatabase(storeMigrations);
    const secrets = new MemorySecrets();
    await open(database, secrets);
    assert.equal(await open(database, new MemorySecrets()), undefined);
  });
});
