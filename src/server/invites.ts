import { createHash } from 'node:crypto';
import { toUtf8 } from '../base/encoding';
import type { Random } from '../base/random';
import { ok, type Result } from '../base/result';
import { dayMs } from '../base/time';
import type { StorageError } from '../sqlite/database';
import type { AccountStorage } from './storage/storage';

/** Invite codes: 100 random bits in letters and digits that are not mistaken for one another. Used once. */

export const defaultInviteTermMs = 7 * dayMs;
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'; // Crockford's base 32
const codeLength = 20;
const groupLength = 5;

/** Creates an invite and answers its code, which is shown once: the store keeps its hash. */
export async function createInvite(
  storage: AccountStorage,
  random: Random,
  now: number,
  termMs: number,
): Promise<Result<{ code: string; expiresAt: number }, StorageError>> {
  const signs = Array.from(random.bytes(codeLength), byte => alphabet.charAt(byte % alphabet.length)).join(
    '',
  );
  const code = (signs.match(new RegExp(`.{${groupLength}}`, 'g')) ?? []).join('-');
  const expiresAt = now + termMs;
  const created = await storage.createInvite({ hash: hashInvite(code), createdAt: now, expiresAt });
  return created.ok ? ok({ code, expiresAt }) : created;
}

/** The hash by which an invite is stored; case, spaces, hyphens and look-alikes do not matter. */
export function hashInvite(code: string): string {
  const canonical = code.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  return createHash('sha256').update(toUtf8(canonical)).digest('hex');
}
