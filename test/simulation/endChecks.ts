import { unwrap } from '../../src/base/result';
import { isConflictId, isItemId } from '../../src/model/ids/ids';
import { isStamp } from '../../src/model/ids/stamp';
import { emptyDigest, toggleInDigest } from '../../src/protocol/digest';
import type { Transaction } from '../../src/sqlite/database';
import { textOf } from './deviceView';
import type { SimulatedDevice } from './simulatedDevice';
import type { SimulatedServer } from './simulatedServer';
import { Violation } from './violation';

/** What must hold when all is quiet. */

/** What keeps the devices from being one; undefined when nothing does. */
export async function differenceBetween(
  devices: readonly SimulatedDevice[],
  server: SimulatedServer,
): Promise<string | undefined> {
  const serverDigest = unwrap(
    await server.database.read(tx => textOf(tx.get('SELECT digest FROM accounts') ?? {}, 'digest')),
  );
  let first: { readonly name: string; readonly held: ReadonlyMap<string, string> } | undefined;
  for (const device of devices) {
    const state = unwrap(await device.database.read(stateOf));
    if (state.outbox !== undefined) return `${device.name} still has in its outbox: ${state.outbox}`;
    if (state.unsettled > 0) continue;
    if (state.digest !== serverDigest) return `${device.name} has another digest than the server`;
    first ??= { name: device.name, held: state.held };
    const difference = differing(first, { name: device.name, held: state.held });
    if (difference !== undefined) return difference;
  }
  return undefined;
}

export async function checkSoundness(
  devices: readonly SimulatedDevice[],
  server: SimulatedServer,
): Promise<void> {
  const findings = unwrap(await server.core.storage.checkConsistency());
  if (findings[0] !== undefined) throw new Violation('stores are sound', `the server: ${findings[0]}`);
  for (const device of devices) {
    const found = unwrap(await device.database.read(unsoundness));
    if (found !== undefined) throw new Violation('stores are sound', `${device.name}: ${found}`);
  }
}

/** After a rotation everything that is not history is sealed with the new key. */
export async function checkSealing(server: SimulatedServer, keyId: string): Promise<void> {
  const row = unwrap(
    await server.database.read(tx =>
      tx.get(
        `SELECT subject, key_id FROM versions JOIN currents ON version_id = id WHERE live = 1 AND key_id <> ? LIMIT 1`,
        [keyId],
      ),
    ),
  );
  if (row !== undefined) {
    throw new Violation('devices converge', `${row['subject']} is still sealed with ${row['key_id']}`);
  }
}

function stateOf(tx: Transaction) {
  const waiting = tx.get('SELECT * FROM changes WHERE acknowledged_ms IS NULL LIMIT 1');
  const held = new Map<string, string>();
  for (const row of tx.all('SELECT id, last_modified, version, payload FROM items WHERE deleted = 0')) {
    held.set(textOf(row, 'id'), `${row['version']} ${textOf(row, 'last_modified')} ${payloadOf(row)}`);
  }
  for (const row of tx.all('SELECT id, state, revision, stamp, version FROM conflicts WHERE deleted = 0')) {
    held.set(
      textOf(row, 'id'),
      `${row['version']} ${textOf(row, 'stamp')} ${row['state']} ${row['revision']}`,
    );
  }
  const digest = tx.get(`SELECT value FROM meta WHERE key = 'digest'`);
  const unsettled = Number(tx.get('SELECT count(*) AS count FROM unsettled_saves')?.['count']);
  return {
    outbox:
      waiting === undefined
        ? undefined
        : `${waiting['collection']} ${waiting['item_id']} ${waiting['timestamp']} ${waiting['refused'] ?? ''}`,
    held,
    digest: digest === undefined ? emptyDigest : textOf(digest, 'value').slice(1, -1),
    unsettled,
  };
}

/** A sealed value has a place of its own in front, and is otherwise the same on every device. */
function payloadOf(row: { readonly [name: string]: unknown }): string {
  const { payload } = row;
  return payload instanceof Uint8Array ? Buffer.from(payload).toString('hex') : String(payload);
}

interface Holding {
  readonly name: string;
  readonly held: ReadonlyMap<string, string>;
}

function differing(left: Holding, right: Holding): string | undefined {
  for (const subject of new Set([...left.held.keys(), ...right.held.keys()])) {
    const [one, other] = [left.held.get(subject), right.held.get(subject)];
    if (one !== other) return `${subject} is on ${left.name}: ${one}; on ${right.name}: ${other}`;
  }
  return undefined;
}

function unsoundness(tx: Transaction): string | undefined {
  // The search index has no texts beside it to be compared with: see `findProblems`.
  const problems = tx
    .all('PRAGMA integrity_check(3)')
    .map(row => String(row['integrity_check']))
    .filter(problem => problem !== 'ok' && !problem.startsWith('malformed inverted index for FTS4'));
  if (problems[0] !== undefined) return problems[0];
  const crowded = tx.get(
    `SELECT item_id FROM changes WHERE acknowledged_ms IS NULL GROUP BY item_id, change_id IS NULL
       HAVING count(*) > 1 LIMIT 1`,
  );
  if (crowded !== undefined) return `${crowded['item_id']} has two changes in the same state`;
  let digest = emptyDigest;
  const rows = tx.all(
    `SELECT id, version, synced_stamp AS stamp FROM items WHERE version > 0 AND synced_deleted = 0
     UNION ALL SELECT id, version, synced_stamp FROM conflicts WHERE version > 0 AND deleted = 0`,
  );
  for (const row of rows) {
    const [id, stamp] = [textOf(row, 'id'), textOf(row, 'stamp')];
    if (!isStamp(stamp) || !(isItemId(id) || isConflictId(id))) return `${id} has no sound stamp`;
    digest = toggleInDigest(digest, id, Number(row['version']), stamp);
  }
  const kept = tx.get(`SELECT value FROM meta WHERE key = 'digest'`);
  const known = kept === undefined ? emptyDigest : textOf(kept, 'value').slice(1, -1);
  return known === digest ? undefined : 'its digest is not that of what it holds';
}
