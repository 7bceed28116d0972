import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { systemRandom } from '../../../../src/base/random';
import { unwrap } from '../../../../src/base/result';
import { minuteMs, secondMs } from '../../../../src/base/time';
import { obtainLocalKey, printOf } from '../../../../src/device/account/atRest';
import type { SecretStore } from '../../../../src/device/account/secrets';
import { loadLocalKey } from '../../../../src/device/account/session';
import { Payloads } from '../../../../src/store/payloads';
import { storeMigrations } from '../../../../src/store/schema';
import { readState } from '../../../../src/store/state';
import { createStore } from '../../../../src/store/store';
import { MemorySecrets } from '../../../support/memoryCore';
import { type MemoryDatabase, openMemoryDatabase } from '../../../support/memoryDatabase';
import { memoryLock } from '../../../support/memoryLock';
import { testEpochMs } from '../../../support/testServer';
import { VirtualTime } from '../../../support/virtualTime';

async function open(database: MemoryDatabase, secrets: SecretStore) {
  const store = createStore(database, new Payloads(undefined, 'sensitive'));
  return unwrap(await obtainLocalKey({ store, secrets, random: systemRandom, lock: memoryLock() }));
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

  it('is the same for windows that open a new device at the same moment, however slow the secret storage is', async () => {
    for (let round = 0; round < 10; round++) {
      const database = await openMemoryDatabase(storeMigrations);
      const kept = new MemorySecrets();
      const time = new VirtualTime(testEpochMs);
      // A keyring may ask a person first, so each call takes its own time, and the windows meet in every order.
      const anyTime = () =>
        time.sleep(systemRandom.fraction() < 0.5 ? 0 : systemRandom.fraction() * minuteMs);
      const slow: SecretStore = {
        get: async name => {
          await anyTime();
          return kept.get(name);
        },
        set: async (name, value) => {
          await anyTime();
          await kept.set(name, value);
        },
        delete: name => kept.delete(name),
      };
      const lock = memoryLock();
      const windows = Array.from({ length: 3 }, () =>
        obtainLocalKey({
          store: createStore(database, new Payloads(undefined, 'sensitive')),
          secrets: slow,
          random: systemRandom,
          lock,
        }),
      );
      let done = false;
      const all = Promise.all(windows).finally(() => {
        done = true;
      });
      while (!done) await time.advance(secondMs);
      const keys = (await all).map(unwrap);
      const held = await loadLocalKey(kept);
      assert.ok(held);
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
