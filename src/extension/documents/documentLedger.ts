import type { DocumentBaseJson, DocumentJson, SavedDocumentJson } from '../../device/json';
import { normalizeText } from '../../model/plainText';

/** A state of an item that a document has read or written. */
export interface ReadRevision {
  readonly revision: string;
  readonly body: string;
  readonly modifiedMs: number;
  readonly sizeBytes: number;
}

/** Where the bases of documents with unsaved text outlive the window. */
export interface BaseMemory {
  recall(address: string): ReadRevision | undefined;
  keep(address: string, base: ReadRevision): void;
  forget(address: string): void;
}

/** States that were handed out and may still be what a document shows. */
export const maxHandedOut = 8;
/** Addresses that were read and at which no document is open. */
const maxUnopened = 20;

/**
 * Knows for each open document which state of its item it last read: the base of its next save. While a document has
 * unsaved text, that state is also what the file system must answer for it, and no change may be announced: the editor
 * compares times and sizes, and would block the save, or let it overwrite what it never showed.
 *
 * Which state a document shows is told by its own text when it was last clean, because the editor drops a read when a
 * person types meanwhile. A document is believed to be clean only when it shows a text that was read or stored: the
 * editor calls it clean for a moment after the first keystroke, and again after a save during which a person typed.
 */
export class DocumentLedger {
  readonly #documents = new Map<string, OpenDocument>();
  readonly #memory: BaseMemory;

  constructor(memory: BaseMemory) {
    this.#memory = memory;
  }

  /** The editor reads `document` at this address; answers what to give it. */
  handOut(address: string, document: DocumentJson): ReadRevision {
    const { revision, body, modifiedMs } = document;
    const read = { revision, body, modifiedMs, sizeBytes: byteLength(body) };
    const known = this.#at(address);
    known.isSensitive = document.sensitive;
    this.#remember(known, read);
    return read;
  }

  /** The document has unsaved text. */
  showsUnsaved(address: string): void {
    const document = this.#at(address);
    document.isDirty = true;
    if (document.base !== undefined) return;
    // A restored document was not shown clean here: its base is what an earlier window kept, whatever was read since.
    // Else what it showed is one of those that were handed out, and merging from an older one is sound.
    const base = document.shown ?? this.#memory.recall(address) ?? document.handedOut[0];
    document.base = base;
    if (base !== undefined) this.#keep(address, document, base);
  }

  /** The document shows `text`, which is clean. Answers true when a change that was held back must be announced now. */
  showsClean(address: string, text: string): boolean {
    const document = this.#at(address);
    const read = stateWith(document, text);
    if (read === undefined) return false;
    document.isDirty = false;
    document.shown = read;
    if (document.unsettled) return false;
    document.base = undefined;
    this.#memory.forget(address);
    const heldBack = document.heldBack;
    document.heldBack = false;
    return heldBack;
  }

  /**
   * The document is closed. Its base is kept when it still has unsaved text, for when it is restored; unsaved text that a
   * person has discarded is none to the editor.
   */
  closed(address: string, isDirty: boolean): void {
    if (!isDirty) this.#memory.forget(address);
    this.#documents.delete(address);
  }

  /** What the file system must answer for a document with unsaved text, or with a save that is not settled. */
  pinned(address: string): ReadRevision | undefined {
    return this.#documents.get(address)?.base;
  }

  /**
   * The base of a save that comes now. Undefined when nothing was read at this address: what is saved was not made
   * from any state of the item that is known.
   */
  baseOfSave(address: string): DocumentBaseJson | undefined {
    const document = this.#documents.get(address);
    const base = document?.base ?? document?.shown;
    return base && { revision: base.revision, body: base.body };
  }

  /** True for an item whose text must not lie in clear in the editor's own files. */
  isSensitive(address: string): boolean {
    return this.#documents.get(address)?.isSensitive ?? false;
  }

  /** A save of `body` was answered. It is what the document shows from now on. */
  saved(address: string, body: string, answer: SavedDocumentJson): void {
    const document = this.#at(address);
    const { revision, modifiedMs, unsettled } = answer;
    const base = { revision, body, modifiedMs, sizeBytes: byteLength(body) };
    this.#remember(document, base);
    document.base = base;
    document.shown = base;
    document.unsettled = document.unsettled || unsettled;
    this.#keep(address, document, base);
  }

  /** True when a save waits to be merged with what the item had become meanwhile. */
  isUnsettled(address: string): boolean {
    return this.#documents.get(address)?.unsettled ?? false;
  }

  /** The save was merged. Answers true when that must be announced now, so that the editor reads it. */
  settled(address: string): boolean {
    const document = this.#at(address);
    document.unsettled = false;
    if (document.isDirty) {
      document.heldBack = true;
      return false;
    }
    document.base = undefined;
    document.heldBack = false;
    this.#memory.forget(address);
    return true;
  }

  /** The item changed in the store. Answers true when that may be announced now. */
  changed(address: string): boolean {
    const document = this.#documents.get(address);
    if (document === undefined) return true;
    if (document.base === undefined && !document.isDirty) return true;
    document.heldBack = true;
    return false;
  }

  /** Nothing of a sensitive item outlives the window in clear. */
  #keep(address: string, document: OpenDocument, base: ReadRevision): void {
    if (!document.isSensitive) this.#memory.keep(address, base);
  }

  #remember(document: OpenDocument, read: ReadRevision): void {
    const others = document.handedOut.filter(({ revision }) => revision !== read.revision);
    document.handedOut = [...others, read].slice(-maxHandedOut);
  }

  #at(address: string): OpenDocument {
    const known = this.#documents.get(address);
    if (known) return known;
    this.#dropUnopened();
    const fresh: OpenDocument = {
      handedOut: [],
      shown: undefined,
      isDirty: false,
      base: undefined,
      heldBack: false,
      unsettled: false,
      isSensitive: false,
    };
    this.#documents.set(address, fresh);
    return fresh;
  }

  /** What was read without being opened is never closed. */
  #dropUnopened(): void {
    const unopened = [...this.#documents].filter(([, each]) => each.shown === undefined && !each.isDirty);
    for (const [address] of unopened.slice(0, -maxUnopened)) this.#documents.delete(address);
  }
}

interface OpenDocument {
  /** Oldest first. */
  handedOut: readonly ReadRevision[];
  /** What the document showed when it last had no unsaved text. */
  shown: ReadRevision | undefined;
  isDirty: boolean;
  /** Set while there is unsaved text or an unsettled save. */
  base: ReadRevision | undefined;
  /** A change of the item was not announced. */
  heldBack: boolean;
  unsettled: boolean;
  isSensitive: boolean;
}

/** The newest of the states that were handed out with this text. */
function stateWith({ handedOut }: OpenDocument, text: string): ReadRevision | undefined {
  const plain = normalizeText(text);
  return handedOut.findLast(({ body }) => normalizeText(body) === plain);
}

function byteLength(text: string): number {
  return Buffer.byteLength(text);
}
