import { createHash } from 'node:crypto';
import type { Stamp } from '../model/ids/stamp';
import type { SubjectId } from './scalars';

/**
 * The divergence digest: the exclusive or of a hash of each live version, so that it does not depend on order and one
 * version is put in or taken out in constant time. It finds accidents, not attacks: the server computes it too.
 */

const digestBytes = 16;

export const emptyDigest = '0'.repeat(2 * digestBytes);

/** Puts a live version into the digest, or takes it out when it is in. Digests are 32 hexadecimal digits. */
export function toggleInDigest(digest: string, subject: SubjectId, version: number, stamp: Stamp): string {
  const hash = createHash('sha256').update(`${subject}\n${version}\n${stamp}`).digest();
  const bytes = Buffer.from(digest, 'hex');
  for (let index = 0; index < digestBytes; index++) {
    bytes[index] = (bytes[index] ?? 0) ^ (hash[index] ?? 0);
  }
  return bytes.toString('hex');
}
