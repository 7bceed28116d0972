import { toUtf8 } from '../base/encoding';
import type { Random } from '../base/random';
import { err, ok, type Result } from '../base/result';
import { type DerivedKeys, derivedKeysOf } from './derivedKeys';

/** From a password to keys: argon2id (RFC 9106), then HKDF. */

/** The cost of argon2id and its salt, as the server stores them for an account. */
export interface KdfParameters {
  readonly memoryKib: number;
  /** Argon2's `t`. */
  readonly passes: number;
  /** Argon2's `p`, the number of lanes. */
  readonly parallelism: number;
  readonly salt: Uint8Array;
}

export type DeriveKeysError = WeakKdf | ExcessiveKdf | EmptyPassword;

/** The parameters would make guessing the password cheap: a sign of a server that is hostile or broken. */
export interface WeakKdf {
  readonly type: 'weakKdf';
  readonly detail: string;
}

/** The parameters ask for more memory or time than this device is willing or able to give. */
export interface ExcessiveKdf {
  readonly type: 'excessiveKdf';
  readonly detail: string;
}

export interface EmptyPassword {
  readonly type: 'emptyPassword';
}

/** Which parameters a device derives with. */
export interface KdfPolicy {
  readonly minMemoryKib: number;
  readonly maxMemoryKib: number;
  readonly minPasses: number;
  /** Memory times passes: what the time is proportional to. */
  readonly maxMemoryKibTimesPasses: number;
  readonly maxParallelism: number;
  readonly minSaltBytes: number;
}

const mib = 1024;
const saltBytes = 16; // RFC 9106, section 3.1

/**
 * The floor is the least that the OWASP Password Storage Cheat Sheet recommends for argon2id (19 MiB, 2 passes). The
 * ceilings keep a hostile server from exhausting the machine: 1 GiB, and some 20 times the time of
 * {@link defaultKdf}, which is five to ten seconds.
 */
export const defaultKdfPolicy: KdfPolicy = {
  minMemoryKib: 19 * mib,
  maxMemoryKib: 1024 * mib,
  minPasses: 2,
  maxMemoryKibTimesPasses: 4096 * mib,
  maxParallelism: 4,
  minSaltBytes: saltBytes,
};

/**
 * The parameters of a new account: memory and passes of RFC 9106's second recommended option (section 4), about
 * 250 ms in WebAssembly. One lane, because lanes run one after the other there.
 */
export function defaultKdf(random: Random): KdfParameters {
  return { memoryKib: 64 * mib, passes: 3, parallelism: 1, salt: random.bytes(saltBytes) };
}

/**
 * The keys of a password. Equal passwords typed on different systems give equal keys (Unicode NFKC).
 * Takes the processor for {@link defaultKdf}'s quarter of a second without a pause: not for the editor's own thread.
 */
export async function deriveKeys(
  password: string,
  kdf: KdfParameters,
  policy: KdfPolicy = defaultKdfPolicy,
): Promise<Result<DerivedKeys, DeriveKeysError>> {
  const refused = refusal(kdf, policy);
  if (refused !== undefined) return err(refused);
  if (password === '') return err({ type: 'emptyPassword' });
  const { argon2id } = await import('./argon2');
  try {
    const secret = await argon2id({
      password: toUtf8(password.normalize('NFKC')),
      salt: kdf.salt,
      memorySize: kdf.memoryKib,
      iterations: kdf.passes,
      parallelism: kdf.parallelism,
      hashLength: 32,
      outputType: 'binary',
    });
    return ok(derivedKeysOf(secret, 'password'));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // a RangeError is how WebAssembly tells that memory ran out
    return err({
      type: 'excessiveKdf',
      detail: `this machine could not provide ${describeMemory(kdf.memoryKib)} of memory`,
    });
  }
}

function refusal(kdf: KdfParameters, policy: KdfPolicy): WeakKdf | ExcessiveKdf | undefined {
  const { memoryKib, passes, parallelism, salt } = kdf;
  const weak = (detail: string): WeakKdf => ({ type: 'weakKdf', detail });
  const excessive = (detail: string): ExcessiveKdf => ({ type: 'excessiveKdf', detail });
  if (![memoryKib, passes, parallelism].every(value => Number.isInteger(value) && value >= 1)) {
    return weak('memory, passes and lanes must be whole numbers above 0');
  }
  if (memoryKib < policy.minMemoryKib || memoryKib < 8 * parallelism) {
    return weak(`${describeMemory(memoryKib)} of memory is too little`);
  }
  if (passes < policy.minPasses) return weak(`${passes} passes are too few`);
  if (salt.length < policy.minSaltBytes) return weak(`a salt of ${salt.length} bytes is too short`);
  if (parallelism > policy.maxParallelism) return excessive(`${parallelism} lanes are too many`);
  if (memoryKib > policy.maxMemoryKib) {
    return excessive(`${describeMemory(memoryKib)} of memory is too much`);
  }
  if (memoryKib * passes > policy.maxMemoryKibTimesPasses) {
    return excessive(`${passes} passes over ${describeMemory(memoryKib)} would take too long`);
  }
  return undefined;
}

function describeMemory(kib: number): string {
  return kib < mib ? `${kib} KiB` : `${Math.round(kib / mib)} MiB`;
}
