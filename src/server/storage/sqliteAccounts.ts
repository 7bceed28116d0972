import * as z from 'zod';
import { defined } from '../../base/assert';
import type { Random } from '../../base/random';
import { err, ok } from '../../base/result';
import { kdfSchema } from '../../protocol/accounts';
import { emptyDigest } from '../../protocol/digest';
import { maxListedDevices } from '../../protocol/limits';
import type { Database, Row, SqlValue, Transaction } from '../../sqlite/database';
import { integer, text } from '../../sqlite/rows';
import { createEpoch, createMark, writeMark } from './positions';
import { objectOf } from './rows';
import type {
  AccountStorage,
  CreateAccountError,
  Credentials,
  KeyringReplacement,
  NewAccount,
  NewDevice,
  ReplaceKeyringError,
  SignInDeviceError,
  StoredDevice,
  StoredKeyring,
} from './storage';

export function createSqliteAccounts(database: Database, random: Random): AccountStorage {
  return {
    createInvite: ({ hash, createdAt, expiresAt }) =>
      database.write(tx => {
        tx.run('DELETE FROM invites WHERE expires_at <= ?', [createdAt]);
        tx.run('INSERT INTO invites (hash, created_at, expires_at) VALUES (?, ?, ?)', [
          hash,
          createdAt,
          expiresAt,
        ]);
        return ok();
      }),
    isInviteUsable: (hash, now) =>
      database.read(
        tx => tx.get('SELECT 1 FROM invites WHERE hash = ? AND expires_at > ?', [hash, now]) !== undefined,
      ),
    createAccount: account =>
      database.write<StoredKeyring, CreateAccountError>(tx => {
        if (tx.get('SELECT 1 FROM accounts WHERE login = ?', [account.login]))
          return err({ type: 'loginTaken' });
        if (tx.get('SELECT 1 FROM accounts WHERE account_id = ?', [account.accountId])) {
          return err({ type: 'accountIdTaken' });
        }
        const { inviteHash, device } = account;
        if (inviteHash !== undefined && !useInvite(tx, inviteHash, device.now))
          return err({ type: 'inviteInvalid' });
        insertAccount(tx, random, account);
        const { wrapped, recoveryWrapped, extra } = account;
        return ok({ version: 1, wrapped, recoveryWrapped, extra });
      }),
    findCredentials: by =>
      database.read(tx => {
        const row =
          'login' in by
            ? tx.get(`SELECT ${credentialColumns} FROM accounts WHERE login = ?`, [by.login])
            : tx.get(`SELECT ${credentialColumns} FROM accounts WHERE account_id = ?`, [by.accountId]);
        return row === undefined ? undefined : credentialsOf(row);
      }),
    listAccounts: () =>
      database.read(tx =>
        tx
          .all(
            `SELECT account_id, login, created_at, live_bytes + history_bytes AS bytes,
               (SELECT count(*) FROM devices WHERE devices.account = accounts.account) AS devices,
               (SELECT count(*) FROM currents JOIN versions ON id = version_id
                WHERE currents.account = accounts.account AND live = 1 AND revision IS NULL) AS live_items
             FROM accounts ORDER BY login`,
          )
          .map(row => ({
            accountId: text(row, 'account_id'),
            login: text(row, 'login'),
            createdAt: integer(row, 'created_at'),
            devices: integer(row, 'devices'),
            liveItems: integer(row, 'live_items'),
            bytes: integer(row, 'bytes'),
          })),
      ),
    deleteAccount: accountId =>
      database.write(tx => {
        const row = tx.get('SELECT account FROM accounts WHERE account_id = ?', [accountId]);
        if (row === undefined) return ok(false);
        const account = [integer(row, 'account')];
        tx.run('DELETE FROM answers WHERE device IN (SELECT device FROM devices WHERE account = ?)', account);
        for (const table of ['devices', 'currents', 'versions', 'marks', 'accounts']) {
          tx.run(`DELETE FROM ${table} WHERE account = ?`, account);
        }
        return ok(true);
      }),

    findKeyring: accountId =>
      database.read(tx => {
        const row = tx.get(`SELECT ${keyringColumns} FROM accounts WHERE account_id = ?`, [accountId]);
        return row === undefined ? undefined : keyringOf(row);
      }),
    usedKeyIds: (accountId, limit) =>
      database.read(tx =>
        tx
          .all(
            `SELECT DISTINCT key_id FROM versions
             WHERE account = (SELECT account FROM accounts WHERE account_id = ?) ORDER BY key_id LIMIT ?`,
            [accountId, limit],
          )
          .map(row => text(row, 'key_id')),
      ),
    replaceKeyring: replacement =>
      database.write<StoredKeyring, ReplaceKeyringError>(tx => {
        const row = tx.get(`SELECT ${keyringColumns}, retired_key_ids FROM accounts WHERE account_id = ?`, [
          replacement.accountId,
        ]);
        if (row === undefined) return err({ type: 'accessGone' });
        const { version } = keyringOf(row);
        if (version !== replacement.baseVersion) return err({ type: 'keyringChanged', version });
        return ok(updateKeyring(tx, row, replacement));
      }),

    signInDevice: device =>
      database.write<StoredKeyring, SignInDeviceError>(tx => {
        const row = tx.get(`SELECT account, ${keyringColumns} FROM accounts WHERE account_id = ?`, [
          device.accountId,
        ]);
        if (row === undefined) return err({ type: 'accessGone' });
        const account = integer(row, 'account');
        const isKnown = findDeviceRow(tx, device.accountId, device.deviceId) !== undefined;
        const devices = tx.get('SELECT count(*) AS count FROM devices WHERE account = ?', [account]);
        if (!isKnown && integer(defined(devices, 'a count has a row'), 'count') >= maxListedDevices) {
          return err({ type: 'tooManyDevices' });
        }
        upsertDevice(tx, account, device);
        return ok(keyringOf(row));
      }),
    findDevice: (accountId, deviceId) =>
      database.read(tx => {
        const row = findDeviceRow(tx, accountId, deviceId);
        return row === undefined ? undefined : deviceOf(row);
      }),
    listDevices: accountId =>
      database.read(tx =>
        tx
          .all(
            `SELECT ${deviceColumns} FROM devices JOIN accounts USING (account)
             WHERE account_id = ? ORDER BY devices.created_at, device_id`,
            [accountId],
          )
          .map(deviceOf),
      ),
    markSeen: (accountId, deviceId, now) =>
      database.write(tx => {
        tx.run(`UPDATE devices SET last_seen_at = ? WHERE ${ofDevice}`, [now, accountId, deviceId]);
        return ok();
      }),
    revokeDevice: (accountId, deviceId) =>
      database.write(tx => {
        tx.run(`DELETE FROM answers WHERE device = (SELECT device FROM devices WHERE ${ofDevice})`, [
          accountId,
          deviceId,
        ]);
        return ok(tx.run(`DELETE FROM devices WHERE ${ofDevice}`, [accountId, deviceId]) > 0);
      }),
  };
}

const ofDevice = 'account = (SELECT account FROM accounts WHERE account_id = ?) AND device_id = ?';
const credentialColumns = 'account_id, kdf, auth_hash, recovery_hash';
const keyringColumns = 'keyring_version, wrapped, recovery_wrapped, keyring_extra';
const deviceColumns = 'device_id, name, token_hash, devices.created_at AS created_at, last_seen_at';

function useInvite(tx: Transaction, hash: string, now: number): boolean {
  return tx.run('DELETE FROM invites WHERE hash = ? AND expires_at > ?', [hash, now]) > 0;
}

function insertAccount(tx: Transaction, random: Random, account: NewAccount): void {
  tx.run(
    `INSERT INTO accounts (account_id, login, created_at, kdf, auth_hash, recovery_hash, keyring_version, wrapped,
       recovery_wrapped, retired_key_ids, epoch, sequence, horizon, digest, live_bytes, history_bytes, keyring_extra)
     VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, '[]', ?, 0, 0, ?, 0, 0, ?)`,
    [
      account.accountId,
      account.login,
      account.device.now,
      JSON.stringify(account.kdf),
      account.authHash,
      account.recoveryHash,
      account.wrapped,
      account.recoveryWrapped,
      createEpoch(random),
      emptyDigest,
      JSON.stringify(account.extra),
    ],
  );
  const row = tx.get('SELECT account FROM accounts WHERE account_id = ?', [account.accountId]);
  const number = integer(defined(row, 'the account was just written'), 'account');
  writeMark(tx, number, { sequence: 0, mark: createMark(random), now: account.device.now });
  upsertDevice(tx, number, account.device);
}

function upsertDevice(tx: Transaction, account: number, device: NewDevice): void {
  const { deviceId, name, tokenHash, now } = device;
  tx.run(
    `INSERT INTO devices (account, device_id, name, token_hash, created_at, last_seen_at, acknowledged, acknowledged_at)
     VALUES (?, ?, ?, ?, ?, ?, 0, ?)
     ON CONFLICT (account, device_id) DO UPDATE SET name = excluded.name, token_hash = excluded.token_hash,
       last_seen_at = excluded.last_seen_at`,
    [account, deviceId, name, tokenHash, now, now, now],
  );
}

function updateKeyring(tx: Transaction, row: Row, replacement: KeyringReplacement): StoredKeyring {
  const current = keyringOf(row);
  const next = {
    version: current.version + 1,
    wrapped: replacement.wrapped ?? current.wrapped,
    recoveryWrapped: replacement.recoveryWrapped ?? current.recoveryWrapped,
    extra: replacement.extra ?? current.extra,
  };
  const retired = retiredSchema.parse(JSON.parse(text(row, 'retired_key_ids')));
  const allRetired = [...new Set([...retired, ...(replacement.retiredKeyIds ?? [])])];
  const orKept = (value: SqlValue | undefined) => value ?? null;
  tx.run(
    `UPDATE accounts SET keyring_version = ?, wrapped = ?, recovery_wrapped = ?, keyring_extra = ?, retired_key_ids = ?,
       kdf = coalesce(?, kdf), auth_hash = coalesce(?, auth_hash), recovery_hash = coalesce(?, recovery_hash)
     WHERE account_id = ?`,
    [
      next.version,
      next.wrapped,
      next.recoveryWrapped,
      JSON.stringify(next.extra),
      JSON.stringify(allRetired),
      replacement.kdf === undefined ? null : JSON.stringify(replacement.kdf),
      orKept(replacement.authHash),
      orKept(replacement.recoveryHash),
      replacement.accountId,
    ],
  );
  return next;
}

function findDeviceRow(tx: Transaction, accountId: string, deviceId: string): Row | undefined {
  return tx.get(
    `SELECT ${deviceColumns} FROM devices JOIN accounts USING (account) WHERE account_id = ? AND device_id = ?`,
    [accountId, deviceId],
  );
}

const retiredSchema = z.array(z.string());

function credentialsOf(row: Row): Credentials {
  return {
    accountId: text(row, 'account_id'),
    kdf: kdfSchema.parse(JSON.parse(text(row, 'kdf'))),
    authHash: text(row, 'auth_hash'),
    recoveryHash: text(row, 'recovery_hash'),
  };
}

function keyringOf(row: Row): StoredKeyring {
  return {
    version: integer(row, 'keyring_version'),
    wrapped: text(row, 'wrapped'),
    recoveryWrapped: text(row, 'recovery_wrapped'),
    extra: objectOf(text(row, 'keyring_extra')),
  };
}

function deviceOf(row: Row): StoredDevice {
  return {
    deviceId: text(row, 'device_id'),
    name: text(row, 'name'),
    tokenHash: text(row, 'token_hash'),
    createdAt: integer(row, 'created_at'),
    lastSeenAt: integer(row, 'last_seen_at'),
  };
}
