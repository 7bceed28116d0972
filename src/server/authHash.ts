import { scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { fromBase64Url, toBase64Url } from '../base/encoding';
import type { Random } from '../base/random';
import { err, ok, type Result } from '../base/result';

/**
 * The slow hash of authentication keys. The key is already the outcome of argon2id on the device; this hash makes the
 * stored value useless for signing in, and every guess at it slow.
 */
export interface AuthHash {
  hash(key: Uint8Array): Promise<Result<string, Overloaded>>;
  verify(key: Uint8Array, stored: string): Promise<Result<boolean, Overloaded>>;
  /** A stored value that no key fits and that takes the time of a real one to verify. */
  decoy(): string;
}

/** So many hashes are waiting that one more would not be served in time. */
export interface Overloaded {
  readonly type: 'overloaded';
}

export interface ScryptCost {
  /** N: a power of two; memory is 128 · N · r bytes. */
  readonly iterations: number;
  readonly blockSize: number;
  readonly parallelism: number;
}

/** 32 MiB and about 0.1 s. The OWASP sheet asks for more where scrypt stands alone; here argon2id stands before it. */
export const defaultScryptCost: ScryptCost = { iterations: 2 ** 15, blockSize: 8, parallelism: 1 };

const maxConcurrentHashes = 2;
const maxWaitingHashes = 64;
const saltLength = 16;
const hashLength = 32;
const maxMemoryBytes = 256 * 1024 * 1024;

const scryptAsync: (
  key: Uint8Array,
  salt: Uint8Array,
  length: number,
  options: { N: number; r: number; p: number; maxmem: number },
) => Promise<Buffer> = promisify(scrypt);

export function createScryptHash(random: Random, cost: ScryptCost = defaultScryptCost): AuthHash {
  const gate = new Gate(maxConcurrentHashes, maxWaitingHashes);
  const format = (used: ScryptCost, salt: Uint8Array, hash: Uint8Array) =>
    ['scrypt', used.iterations, used.blockSize, used.parallelism, toBase64Url(salt), toBase64Url(hash)].join(
      '$',
    );
  return {
    async hash(key) {
      const salt = random.bytes(saltLength);
      const hash = await gate.run(() => derive(key, salt, cost));
      return hash.ok ? ok(format(cost, salt, hash.value)) : hash;
    },
    async verify(key, stored) {
      const parts = parseStored(stored);
      if (parts === undefined) return ok(false);
      const hash = await gate.run(() => derive(key, parts.salt, parts.cost));
      return hash.ok ? ok(timingSafeEqual(hash.value, parts.hash)) : hash;
    },
    decoy: () => format(cost, random.bytes(saltLength), random.bytes(hashLength)),
  };
}

function derive(key: Uint8Array, salt: Uint8Array, cost: ScryptCost): Promise<Buffer> {
  const { iterations, blockSize, parallelism } = cost;
  return scryptAsync(key, salt, hashLength, {
    N: iterations,
    r: blockSize,
    p: parallelism,
    maxmem: maxMemoryBytes,
  });
}

function parseStored(stored: string): { cost: ScryptCost; salt: Uint8Array; hash: Uint8Array } | undefined {
  const match = /^scrypt\$(\d+)\$(\d+)\$(\d+)\$([\w-]+)\$([\w-]+)$/.exec(stored);
  const salt = fromBase64Url(match?.[4] ?? '');
  const hash = fromBase64Url(match?.[5] ?? '');
  if (match === null || salt === undefined || hash?.byteLength !== hashLength) return undefined;
  const cost = { iterations: Number(match[1]), blockSize: Number(match[2]), parallelism: Number(match[3]) };
  return { cost, salt, hash };
}

/** Lets a few through at a time, a bounded number wait, and turns the rest away. */
class Gate {
  readonly #maxRunning: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(maxRunning: number, maxWaiting: number) {
    this.#maxRunning = maxRunning;
    this.#maxWaiting = maxWaiting;
  }

  async run<T>(work: () => Promise<T>): Promise<Result<T, Overloaded>> {
    if (this.#running >= this.#maxRunning) {
      if (this.#waiting.length >= this.#maxWaiting) return err({ type: 'overloaded' });
      await new Promise<void>(resolve => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return ok(await work());
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next(); // the place is handed over
    }
  }
}
