import { assert } from '../base/assert';
import { canonicalJson, parseJson } from '../base/json';
import type { Content } from '../model/content';
import { decodeContent, encodeContent } from '../model/contentCodec';
import type { Row, SqlValue } from '../sqlite/database';

/**
 * Encrypts values in the local file. `context` names the place (table and id) and is bound to the value, so that one
 * cannot be moved to another place.
 */
export interface AtRestCipher {
  seal(text: string, context: string): Uint8Array;
  /** Undefined when the bytes are not what this key sealed there. */
  open(bytes: Uint8Array, context: string): string | undefined;
}

/** Which contents are encrypted in the local file. */
export type AtRestPolicy = 'sensitive' | 'all';

/**
 * How contents and records are written into payload columns: as canonical JSON text, or as a sealed blob. Without a
 * cipher (the keys are locked away) sealed values read as undefined, and writing one is refused by `canWrite`.
 */
export class Payloads {
  readonly #cipher: AtRestCipher | undefined;
  readonly #policy: AtRestPolicy;

  constructor(cipher: AtRestCipher | undefined, policy: AtRestPolicy) {
    this.#cipher = cipher;
    this.#policy = policy;
  }

  get policy(): AtRestPolicy {
    return this.#policy;
  }

  get unlocked(): boolean {
    return this.#cipher !== undefined;
  }

  /** True when a value of this sensitivity is encrypted at rest. */
  seals(sensitive: boolean): boolean {
    return sensitive || this.#policy === 'all';
  }

  canWrite(sensitive: boolean): boolean {
    return !this.seals(sensitive) || this.#cipher !== undefined;
  }

  write(value: unknown, sensitive: boolean, context: string): string | Uint8Array {
    const json = canonicalJson(value);
    if (!this.seals(sensitive)) return json;
    assert(this.#cipher, 'a sealed value is written only when the device is unlocked');
    return this.#cipher.seal(json, context);
  }

  /** The JSON value; undefined when it is sealed and the device is locked. */
  read(value: SqlValue | undefined, context: string): unknown {
    if (typeof value === 'string') return parseJson(value);
    if (!(value instanceof Uint8Array) || !this.#cipher) return undefined;
    const json = this.#cipher.open(value, context);
    return json === undefined ? undefined : parseJson(json);
  }

  /** @param sensitive true also for a content that is not, when it belongs to an item that is */
  writeContent(content: Content, context: string, sensitive = content.sensitive): string | Uint8Array {
    return this.write(encodeContent(content), sensitive, context);
  }

  /** Undefined when it is sealed and the device is locked, and when it is damaged: one such row must not hide the rest. */
  readContent(row: Row, column: string, context: string): Content | undefined {
    const value = this.read(row[column], context);
    const content = value === undefined ? undefined : decodeContent(value);
    return content?.ok ? content.value : undefined;
  }
}
