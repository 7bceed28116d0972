import type { DeviceId } from '../../model/ids/ids';
import { text } from '../../sqlite/rows';
import type { StoreTransaction } from '../transaction';

/** The names of the account's devices, as sealed versions told them. */

export function rememberDeviceName(store: StoreTransaction, id: DeviceId, name: string): void {
  if (store.memo?.deviceNames.get(id) === name) return;
  store.memo?.deviceNames.set(id, name);
  store.sql.run(
    `INSERT INTO devices(id, name) VALUES (?, ?) ON CONFLICT(id) DO UPDATE SET name = excluded.name
     WHERE name <> excluded.name`,
    [id, name],
  );
}

/** The device's name, or a short form of its id when it was never told. */
export function deviceNameOf(store: StoreTransaction, id: DeviceId): string {
  const row = store.sql.get('SELECT name FROM devices WHERE id = ?', [id]);
  return row ? text(row, 'name') : `device ${id.slice(0, 6)}`;
}
