import { ok, type Result } from '../../base/result';
import type { StorageError } from '../../sqlite/database';
import { describeStorageError } from '../../sqlite/storageErrors';
import type { Check, Examination } from './examination';
import { checkFile, checkSpace } from './fileChecks';
import { type Finding, trouble } from './finding';
import { checkLeftovers, checkSnapshots } from './folderChecks';
import { checkAtRest, checkHistory } from './historyChecks';
import { checkItems } from './itemChecks';
import { checkDigest, checkOutbox, checkWaiting } from './outboxChecks';
import { checkSearch } from './searchCheck';

/**
 * Looks the store over and says what was found, what mending it would do, and, when it was asked to mend, that it did.
 * A check that storage fails is itself a finding; the others go on.
 */
export async function examine(examination: Examination): Promise<Result<readonly Finding[], StorageError>> {
  const findings: Finding[] = [];
  for (const [name, check] of checks) {
    const found = await check(examination);
    if (found.ok) findings.push(...found.value);
    else if (found.error.type === 'closed') return found;
    else findings.push(trouble(name, 'error', describeStorageError(found.error), undefined));
  }
  return ok(findings);
}

/** The file first: what is mended there may mend the rest. */
const checks: readonly (readonly [name: string, check: Check])[] = [
  ['file', checkFile],
  ['items', checkItems],
  ['outbox', checkOutbox],
  ['digest', checkDigest],
  ['history', checkHistory],
  ['search', checkSearch],
  ['encryption', checkAtRest],
  ['saves', checkWaiting],
  ['snapshots', checkSnapshots],
  ['space', checkSpace],
  ['leftovers', checkLeftovers],
];
