import * as z from 'zod';
import { fromBase64Url, toBase64Url } from '../../base/encoding';
import { parseJson } from '../../base/json';
import { decodeKeyRing, encodeKeyRing, type KeyRing } from '../../crypto/keyRing';
import { type AccountId, isAccountId } from '../../model/ids/ids';
import type { SecretStore } from './secrets';

/** What a signed-in device keeps in its secret storage: its token and the opened key ring. */
export interface Session {
  readonly accountId: AccountId;
  readonly token: string;
  readonly ring: KeyRing;
}

const sessionSchema = z.object({
  accountId: z.string().refine(isAccountId, 'must be an account id'),
  token: z.string().min(1),
  ring: z.string(),
});

/** Undefined when the device is signed out, or its secrets were lost: then it is locked. */
export async function loadSession(secrets: SecretStore): Promise<Session | undefined> {
  const json = await secrets.get('session');
  const session = json === undefined ? undefined : sessionSchema.safeParse(parseJson(json));
  if (!session?.success) return undefined;
  const ring = decodeKeyRing(session.data.ring);
  return ring.ok ? { ...session.data, ring: ring.value } : undefined;
}

export async function saveSession(secrets: SecretStore, session: Session): Promise<void> {
  await secrets.set('session', JSON.stringify({ ...session, ring: encodeKeyRing(session.ring) }));
}

/** The key that encrypts this device's file at rest; undefined when it was lost with the secret storage. */
export async function loadLocalKey(secrets: SecretStore): Promise<Uint8Array | undefined> {
  const text = await secrets.get('localKey');
  return text === undefined ? undefined : fromBase64Url(text);
}

export async function saveLocalKey(secrets: SecretStore, key: Uint8Array): Promise<void> {
  await secrets.set('localKey', toBase64Url(key));
}
