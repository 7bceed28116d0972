import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { messageOf } from '../../../src/base/errors';
import { ok, unwrap } from '../../../src/base/result';
import { FileConnection } from '../../../src/sqlite/connection/fileConnection';
import { loadEngine, type SqliteEngine } from '../../../src/sqlite/engine/wasmModule';
import { hasHotJournal } from '../../../src/sqlite/files/rollbackJournal';
import { findProblems, isDamageError } from '../../../src/sqlite/recovery/integrity';
import { openAt } from '../../support/sqliteFiles';
import { MemoryDisk } from '../../support/sqliteMemoryDisk';
import { cutPower, type DiskStep, recordSteps, type SurvivingDisk } from '../../support/sqlitePowerLoss';
import { fractionsFrom, seededFractions } from '../../support/sqliteSeed';
import { sqliteWasm } from '../../support/sqliteWasm';

const cuts = 500;
const commits = 60;
/** Every tenth commit is larger than the page cache, so that pages are written before it ends. */
const itemsOf = (commit: number) => (commit % 10 === 0 ? 60 : 1);
const itemsUpTo = (commit: number) =>
  Array.from({ length: commit }, (_, index) => itemsOf(index + 1)).reduce((sum, items) => sum + items, 0);

describe('a loss of power', () => {
  it(`loses no acknowledged commit and damages nothing, at ${cuts} random points`, async () => {
    const fraction = seededFractions('power loss');
    const steps = await recordCommits();
    const engine = await loadEngine(sqliteWasm);
    const seen = { recovered: 0, ahead: 0 };
    for (let index = 0; index < cuts; index++) {
      const cut = cutAtRandom(steps, index, fraction);
      const state = inspect(engine, cut.disk);
      assert.deepEqual(state.problems, [], cut.name);
      assert.ok(
        state.commit >= cut.disk.acknowledged,
        `${cut.name}: commit ${cut.disk.acknowledged} is lost, ${state.commit} is there`,
      );
      assert.equal(state.items, itemsUpTo(state.commit), cut.name);
      if (state.hadHotJournal) seen.recovered++;
      if (state.commit > cut.disk.acknowledged) seen.ahead++;
    }
    console.log(
      `        ${cuts} cuts in ${steps.length} steps: ${seen.recovered} with a journal to roll back, ` +
        `${seen.ahead} with a commit that was not yet acknowledged`,
    );
    assert.ok(seen.recovered > 0, 'some cuts must leave a journal');
  }).timeout(60_000);

  it('is noticed by this simulation when the disk syncs nothing', async () => {
    const fraction = fractionsFrom(7);
    const steps = (await recordCommits()).filter(step => step.type !== 'sync');
    const engine = await loadEngine(sqliteWasm);
    let losses = 0;
    for (let index = 0; index < 50; index++) {
      const cut = cutAtRandom(steps, index, fraction);
      const state = inspect(engine, cut.disk);
      if (state.problems.length > 0 || state.commit < cut.disk.acknowledged) losses++;
    }
    assert.ok(losses > 10, `${losses} of 50 cuts`);
  }).timeout(60_000);
});

const storePath = '/store/store.db';
const journalPath = `${storePath}-journal`;

async function recordCommits(): Promise<readonly DiskStep[]> {
  const steps: DiskStep[] = [];
  const files = recordSteps(new MemoryDisk().files, [storePath, journalPath], steps);
  const database = await openAt(storePath, { files, cacheKib: 64 });
  for (let commit = 1; commit <= commits; commit++) {
    unwrap(
      await database.write(tx => {
        for (let item = 0; item < itemsOf(commit); item++) {
          const body = `word${commit} ${'text '.repeat(60)}`;
          tx.run('INSERT INTO item(id, body) VALUES (?, ?)', [`${commit}-${item}`, body]);
        }
        tx.run("INSERT OR REPLACE INTO meta VALUES ('commit', ?)", [commit]);
        return ok();
      }),
    );
    steps.push({ type: 'acknowledge', commit });
  }
  await database.close();
  return steps;
}

function cutAtRandom(steps: readonly DiskStep[], index: number, fraction: () => number) {
  const survivals = [0.5, 0, 1, fraction()];
  const survival = survivals[index % survivals.length] ?? 0;
  const cut = 1 + Math.floor(fraction() * steps.length);
  return {
    name: `cut ${index} after step ${cut} of ${steps.length}, survival ${survival}`,
    disk: cutPower(steps, cut, survival, fraction),
  };
}

interface StateAfter {
  readonly problems: readonly string[];
  readonly commit: number;
  readonly items: number;
  readonly hadHotJournal: boolean;
}

function inspect(engine: SqliteEngine, survived: SurvivingDisk): StateAfter {
  const disk = new MemoryDisk();
  disk.files.makeFolder(dirname(storePath));
  for (const [path, content] of survived.files) disk.put(path, content);
  const hadHotJournal = hasHotJournal(disk.files, storePath);
  const { files } = disk;
  let connection: FileConnection | undefined;
  try {
    const options = { engine, path: storePath, files, isLockHeld: () => true, cacheKib: 1024 };
    connection = new FileConnection(options);
    const { session } = connection;
    const problems = findProblems(session, 'full');
    if (problems.length > 0 || session.number('SELECT count(*) FROM sqlite_master') === 0) {
      return { problems, commit: 0, items: 0, hadHotJournal };
    }
    const commit = session.get("SELECT value FROM meta WHERE key = 'commit'")?.['value'] ?? 0;
    return {
      problems,
      commit: Number(commit),
      items: session.number('SELECT count(*) FROM item'),
      hadHotJournal,
    };
  } catch (error) {
    // This disk reads everything: then the file ends in the middle of a page.
    if (!isDamageError(error) && messageOf(error) !== 'disk I/O error') throw error;
    return { problems: [messageOf(error)], commit: 0, items: 0, hadHotJournal };
  } finally {
    connection?.close();
  }
}
