import { assert } from '../base/assert';
import { ok, type Result } from '../base/result';
import type { Migration, StorageError } from './database';
import { runTransaction, type TransactionTarget } from './transactions';

/** The schema version that the migrations lead to; 0 when there are none. */
export function latestVersion(migrations: readonly Migration[]): number {
  return migrations.at(-1)?.version ?? 0;
}

/** Throws when the versions are not 1, 2, 3 and so on. */
export function assertMigrationsInOrder(migrations: readonly Migration[]): void {
  for (const [index, migration] of migrations.entries()) {
    assert(migration.version === index + 1, `migration ${index + 1} has the version ${migration.version}`);
  }
}

/**
 * Applies the migrations above `from`, each in its own transaction with its version, up to `to`. Foreign keys are not
 * enforced meanwhile, so that a table can be rebuilt (sqlite.org/lang_altertable.html, section 7); a migration that
 * leaves more broken references than it found throws.
 */
export function applyMigrations(
  target: TransactionTarget,
  options: {
    readonly migrations: readonly Migration[];
    readonly applicationId: number;
    readonly from: number;
    readonly to: number;
  },
): Result<void, StorageError> {
  const { session } = target.connection;
  session.execute('PRAGMA foreign_keys=OFF');
  for (const migration of options.migrations) {
    if (migration.version <= options.from || migration.version > options.to) continue;
    const applied = runTransaction(target, 'write', tx => {
      const brokenBefore = brokenReferences();
      migration.up(tx);
      assert(
        brokenReferences() <= brokenBefore,
        `migration ${migration.version} leaves references to rows that are not there`,
      );
      session.run(`PRAGMA application_id=${options.applicationId}`);
      session.run(`PRAGMA user_version=${migration.version}`);
      return ok();
    });
    if (!applied.ok) return applied;
  }
  session.execute('PRAGMA foreign_keys=ON');
  return ok();

  function brokenReferences(): number {
    return session.all('PRAGMA foreign_key_check').length;
  }
}
