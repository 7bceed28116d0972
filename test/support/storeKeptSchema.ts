import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemRandom } from '../../src/base/random';
import { unwrap } from '../../src/base/result';
import { isAccountId, isConflictId } from '../../src/model/ids/ids';
import { writeConflict } from '../../src/store/conflicts';
import { putWaitingRecordChange } from '../../src/store/outbox';
import { writeState } from '../../src/store/state';
import { setSyncedItem } from '../../src/store/synced/syncedVersions';
import { editItem } from '../../src/sync/edits/localEdits';
import { desktop, inStore, itemId, laptop, note, putItem, stampAt } from './storeFixture';
import { StoreFolder } from './storeFolder';

/**
 * Makes the kept store file of the first schema anew: `npx tsx test/support/storeKeptSchema.ts`. Only for as long as
 * that schema was never released; after that the file stays as it is, and each later schema gets one of its own.
 */
async function main(): Promise<void> {
  const folder = new StoreFolder();
  try {
    const opened = await folder.open();
    await inStore(opened.store, tx => {
      const device = { id: laptop, name: 'laptop' };
      const accountId = '00000000-0000-4000-8000-00000000000a';
      if (!isAccountId(accountId)) throw new Error('not an account id');
      writeState(tx, 'device', device);
      writeState(tx, 'account', { id: accountId, login: 'ada', server: 'https://scratch.example' });
      putItem(tx, itemId(1), note('first note', 'written on the laptop', { tags: ['kept'] }), 1000);
      setSyncedItem(tx, itemId(1), {
        version: 3,
        stamp: stampAt(1000),
        deleted: false,
        ancestors: [stampAt(900)],
        keyId: undefined,
      });
      const at = (wallMs: number) => ({ store: tx, device, wallMs, random: systemRandom });
      editItem(at(2000), itemId(1), { content: note('first note', 'edited on the laptop'), deleted: false });
      editItem(at(3000), itemId(2), { content: note('second note', '日本語の本文'), deleted: false });
      editItem(at(4000), itemId(3), {
        content: note('secret note', 'hidden', { sensitive: true }),
        deleted: false,
      });
      editItem(at(5000), itemId(4), { content: note('deleted note'), deleted: false });
      editItem(at(6000), itemId(4), { content: note('deleted note'), deleted: true });
      const conflictIdDigits = 32;
      const id = 'c'.repeat(conflictIdDigits);
      if (!isConflictId(id)) throw new Error('not a conflict id');
      const side = { deviceId: desktop, deviceName: 'desktop', version: 2, deleted: false };
      writeConflict(tx, {
        ...{ id, itemId: itemId(1), outcome: 'lastWriterWins', keys: [], state: 'open', revision: 1 },
        earlier: { ...side, stamp: stampAt(800, desktop), content: note('first note', 'earlier') },
        later: { ...side, stamp: stampAt(900), content: note('first note', 'later') },
        ...{ detectedAt: stampAt(950), detectedBy: laptop, stamp: stampAt(950) },
      });
      putWaitingRecordChange(tx, { conflictId: id, stamp: stampAt(950) });
    });
    unwrap(await opened.maintenance.idle({ historyKeepDays: 90 }));
    await folder.close();
    mkdirSync(dirname(keptSchemaFile), { recursive: true });
    copyFileSync(folder.storeFile, keptSchemaFile);
  } finally {
    rmSync(folder.path, { recursive: true, force: true });
  }
}

export const keptSchemaFile = join(__dirname, '../unit/store/fixtures/schema-1.db');

if (require.main === module) {
  main().catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
}
