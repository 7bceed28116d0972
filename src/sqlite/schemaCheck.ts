import type { StorageError } from './database';
import type { SqlSession } from './engine/sqlSession';

/** What the file at hand is to this product. */
export type SchemaState =
  | { readonly type: 'new' }
  | { readonly type: 'ours'; readonly version: number }
  | Extract<StorageError, { type: 'foreign' | 'newerSchema' }>;

/** Tells a file of ours from an empty one, another program's and a newer version's. Reads inside a transaction. */
export function readSchemaState(
  session: SqlSession,
  known: { readonly applicationId: number; readonly latest: number; readonly path: string },
): SchemaState {
  const applicationId = session.number('PRAGMA application_id');
  const version = session.number('PRAGMA user_version');
  if (applicationId === 0 && version === 0 && session.number('SELECT count(*) FROM sqlite_master') === 0) {
    return { type: 'new' };
  }
  if (applicationId !== known.applicationId) return { type: 'foreign', path: known.path };
  return version > known.latest
    ? { type: 'newerSchema', found: version, known: known.latest }
    : { type: 'ours', version };
}
