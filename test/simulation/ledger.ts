import type { Transaction } from '../../src/sqlite/database';
import { Ancestry } from './ancestry';
import {
  type CursorView,
  changedItems,
  changedRecords,
  cursorView,
  type ItemView,
  type RecordView,
  unsettledText,
} from './deviceView';
import { LostAncestry } from './lostAncestry';
import { type Token, tokensIn } from './tokens';
import { type Invariant, Violation } from './violation';

/** What a person did, as the device that did it has committed it. */
export interface PersonEdit {
  readonly itemId: string;
  /** Of the version that the person saw, and of the one that they made. */
  readonly parent: string | undefined;
  readonly stamp: string;
  readonly before: string;
  readonly after: string;
  readonly deleted: boolean;
  /** An answer to a conflict: of two answers the later one holds, so nothing that it typed is owed. */
  readonly isResolution?: boolean;
}

/**
 * Everything that was ever acknowledged to a person, and where it is now. Held against what the devices commit, after
 * every commit.
 */
export class Ledger {
  readonly #ancestry = new Ancestry();
  readonly #views = new Map<string, DeviceView>();
  /** How many cells of all devices hold a token. */
  readonly #places = new Map<Token, number>();
  readonly #owed = new Set<Token>();
  readonly #owedDeletes = new Map<string, Set<string>>();
  readonly #contents = new Map<string, string>();
  readonly #pairs = new Map<string, string>();
  readonly #suspects = new Set<Token>();
  readonly #touched = new Set<string>();
  /** Tokens of records that were resolved and then pruned. */
  readonly #retired = new Set<Token>();
  readonly #unsaid = new Map<string, (() => void)[]>();
  readonly #deletedByPeople = new Set<string>();
  readonly #left = new Set<string>();
  readonly #lostAncestry = new LostAncestry(version => this.#left.has(contentKey(version)));
  #violation: Violation | undefined;
  #wasRestored = false;
  #edits = 0;

  get edits(): number {
    return this.#edits;
  }

  /** Every record that any device holds. */
  get records(): readonly RecordView[] {
    return [...this.#views.values()].flatMap(view => [...view.records.values()]);
  }

  /** Told inside the transaction, which may still fail. */
  edited(device: string, edit: PersonEdit): void {
    this.#say(device, () => this.#person(edit));
  }

  /** A save that waits to be merged: acknowledged, and made knowing what the document had read. */
  saved(device: string, readBody: string, savedBody: string): void {
    this.#say(device, () => {
      this.#edits++;
      this.#own(readBody, savedBody);
    });
  }

  /** A transaction that told of edits was not committed. */
  forget(device: string): void {
    this.#unsaid.delete(device);
  }

  /** The version has left its device: from now on it is the same everywhere. */
  left(itemId: string, stamp: string): void {
    this.#left.add(`${itemId} ${stamp}`);
  }

  /** Sees a device's transaction just before it commits. */
  committing(device: string, tx: Transaction): void {
    const view = this.#view(device);
    for (const say of this.#unsaid.get(device) ?? []) say();
    this.#unsaid.delete(device);
    for (const item of changedItems(tx, view.items)) {
      this.#itemMoved(device, view.items.get(item.id), item);
      this.#place(view.items.get(item.id)?.text ?? '', item.text);
      view.items.set(item.id, item);
      this.#touched.add(item.id);
    }
    for (const record of changedRecords(tx, view.records)) {
      this.#recordMoved(device, view.records.get(record.id), record);
      view.records.set(record.id, record);
      this.#touched.add(record.itemId);
    }
    const cursor = cursorView(tx);
    if (
      !this.#wasRestored &&
      cursor?.epoch === view.cursor?.epoch &&
      (cursor?.sequence ?? 0) < (view.cursor?.sequence ?? 0)
    ) {
      this.#fail('stores are sound', `the cursor of ${device} went back to ${cursor?.sequence}`);
    }
    view.cursor = cursor;
    const unsettled = unsettledText(tx);
    if (unsettled !== view.unsettled) {
      this.#place(view.unsettled, unsettled);
      view.unsettled = unsettled;
    }
  }

  /** Throws when something that was acknowledged is nowhere. */
  check(): void {
    for (const token of this.#suspects) {
      const isNowhere = this.#owed.has(token) && (this.#places.get(token) ?? 0) === 0;
      if (isNowhere && !this.#retired.has(token)) {
        this.#fail('acknowledged is never nowhere', `${token} is in no item and in no record`);
      }
    }
    this.#suspects.clear();
    for (const itemId of this.#touched) this.#checkDeletes(itemId);
    this.#touched.clear();
    if (this.#violation) throw this.#violation;
  }

  /** After a disaster that no engine can undo: what is with no device now is not owed any more. */
  writeOff(): void {
    for (const token of this.#owed) {
      if ((this.#places.get(token) ?? 0) === 0) this.#owed.delete(token);
    }
    for (const [itemId, deletes] of this.#owedDeletes) {
      if (!this.#isDeletionKnown(itemId)) deletes.clear();
      for (const stamp of deletes) {
        if (!this.#isHeard(itemId, stamp)) deletes.delete(stamp);
      }
    }
    this.#suspects.clear();
    this.#touched.clear();
  }

  /** The server holds another past now: cursors may go back in it. */
  restored(): void {
    this.#wasRestored = true;
    this.#lostAncestry.restored();
    this.writeOff();
  }

  /** Devices are united anew: what one still has comes back, as it is there, to one that had deleted it. */
  united(): void {
    this.#owedDeletes.clear();
    const live = new Set<Token>();
    for (const { items, records, unsettled } of this.#views.values()) {
      const texts = [...items.values()].flatMap(({ deleted, text }) => (deleted ? [] : [text]));
      for (const token of tokensIn([...texts, unsettled].join(' '))) live.add(token);
      for (const { tokens } of records.values()) for (const token of tokens) live.add(token);
    }
    for (const token of this.#owed) if (!live.has(token)) this.#owed.delete(token);
    this.writeOff();
  }

  /**
   * The server has forgotten what was deleted long ago: texts that are only in the tombstones of these items are not
   * owed any more, for who edits an older version of one knows nothing of them.
   */
  pruned(isForgotten: (itemId: string) => boolean): void {
    for (const { items } of this.#views.values()) {
      for (const { id, deleted, text } of items.values()) {
        if (deleted && isForgotten(id)) for (const token of tokensIn(text)) this.#retired.add(token);
      }
    }
  }

  /** The device's store is another one now. It may have lost what the versions that it has not pushed were made on. */
  replaced(device: string, tx: Transaction): void {
    const view = this.#view(device);
    const before = [...view.items.values()];
    const records = [...view.records.values()];
    this.#lostAncestry.damaged(device, before);
    for (const { text } of view.items.values()) this.#place(text, '');
    for (const { tokens } of view.records.values()) this.#unplace(tokens);
    this.#place(view.unsettled, '');
    this.#views.delete(device);
    this.#unsaid.delete(device);
    this.committing(device, tx);
    for (const { id, stamp } of before) {
      if (this.#view(device).items.get(id)?.stamp !== stamp && !this.#left.has(`${id} ${stamp}`))
        this.#owedDeletes.get(id)?.delete(stamp);
    }
    for (const record of records) this.#recordGone(record);
    for (const { id, deleted, version, isPending, text } of this.#view(device).items.values()) {
      if (!deleted || version > 0) continue;
      // Without its change, a deletion is not told from a tombstone that the server has forgotten.
      this.#owedDeletes.delete(id);
      if (!isPending) for (const token of tokensIn(text)) this.#retired.add(token);
    }
  }

  /** What the versions of a record held is not owed when it is lost after what was made of them both has left. */
  #recordGone({ id, itemId, sides, tokens }: RecordView): void {
    if ([...this.#views.values()].some(view => view.records.has(id))) return;
    const hasLeft = [...this.#left].some(key => {
      const [item, stamp = ''] = key.split(' ');
      return item === itemId && sides.every(side => this.#ancestry.knows(itemId, stamp, side.stamp));
    });
    if (hasLeft) for (const token of tokens) this.#retired.add(token);
  }

  #fail(invariant: Invariant, detail: string): void {
    this.#violation ??= new Violation(invariant, detail);
  }

  #say(device: string, what: () => void): void {
    this.#unsaid.set(device, [...(this.#unsaid.get(device) ?? []), what]);
  }

  #view(device: string): DeviceView {
    const empty = { items: new Map(), records: new Map(), unsettled: '', cursor: undefined };
    const view = this.#views.get(device) ?? empty;
    this.#views.set(device, view);
    return view;
  }

  #person(edit: PersonEdit): void {
    const { itemId, stamp, parent } = edit;
    if (stamp === parent) return;
    this.#edits++;
    this.#ancestry.add(itemId, stamp, [parent]);
    if (edit.isResolution) {
      if (edit.deleted) this.#deletedByPeople.add(itemId);
      this.#superseded(edit);
      return;
    }
    this.#own(edit.before, edit.after);
    this.#superseded(edit);
    if (edit.deleted) {
      this.#deletesOf(itemId).add(stamp);
      this.#deletedByPeople.add(itemId);
    }
    this.#touched.add(itemId);
  }

  #superseded({ itemId, parent, before, after }: PersonEdit): void {
    this.#own(before, before.length === 0 ? '' : keptOf(before, after));
    if (parent !== undefined) this.#takenBack(itemId, parent);
  }

  /** The deletions that a version was made knowing are not owed any more, but for the one that is `kept`. */
  #takenBack(itemId: string, knowing: string, kept?: string): void {
    const deletes = this.#deletesOf(itemId);
    for (const deletion of deletes) {
      if (deletion !== kept && this.#ancestry.knows(itemId, knowing, deletion)) deletes.delete(deletion);
    }
  }

  #deletesOf(itemId: string): Set<string> {
    const deletes = this.#owedDeletes.get(itemId) ?? new Set();
    this.#owedDeletes.set(itemId, deletes);
    return deletes;
  }

  /** What the person has typed is owed to them from now on; what they took out knowingly is not. */
  #own(before: string, after: string): void {
    const kept = tokensIn(after);
    const had = tokensIn(before);
    for (const token of kept) if (!had.has(token)) this.#owed.add(token);
    for (const token of had) if (!kept.has(token)) this.#owed.delete(token);
  }

  #itemMoved(device: string, before: ItemView | undefined, after: ItemView): void {
    const content = `${after.deleted ? 'deleted' : 'live'} ${after.text}`;
    const known = this.#contents.get(contentKey(after));
    // A stamp that never left its device may be given to another content when it is corrected.
    const isBinding = this.#left.has(contentKey(after));
    // A tombstone that was pruned is a deletion that this device makes of the version that it holds.
    const isPruned = after.deleted && after.version === 0;
    if (known === undefined || (known !== content && !isBinding)) {
      this.#contents.set(contentKey(after), content);
    } else if (known !== content && !isPruned) {
      this.#fail(
        'a version is read alike',
        `${device} reads ${after.id} at ${after.stamp} as ${content}, another as ${known}`,
      );
    }
    const isOther = known !== undefined && known !== content && !isBinding && !isPruned;
    if (isOther) this.#setAside(after);
    const isNew = !this.#ancestry.isKnown(after.id, after.stamp);
    if (isNew && before !== undefined) this.#checkMergeStamp(device, before, after);
    if (after.deleted && !this.#deletedByPeople.has(after.id) && !before?.deleted) {
      this.#fail('acknowledged is never nowhere', `${device} has deleted ${after.id}, which no one deleted`);
    }
    const base = this.#contents.get(`${after.id} ${after.syncedStamp}`);
    // Deleted, restored and deleted by one person, or deleted here and, as the server has it, deleted elsewhere long ago:
    // it is as it was, and gives way to whoever restores it.
    const isAsItWas = base?.startsWith('deleted') || (after.version === 0 && !after.isPending);
    if (after.deleted && isAsItWas) this.#owedDeletes.get(after.id)?.delete(after.stamp);
    const isSame = before !== undefined && before.text === after.text && before.deleted === after.deleted;
    if (isNew) this.#ancestry.add(after.id, after.stamp, [before?.stamp, after.syncedStamp]);
    else if (isSame) {
      this.#ancestry.liken(after.id, after.stamp, before.stamp);
      // Deleted twice is deleted once: whoever takes the other deletion back takes this one back, under the stamp that a
      // corrected clock has given it and under the one that the person was told.
      if (after.deleted && before.stamp !== after.stamp) this.#takenBack(after.id, before.stamp, after.stamp);
    }
  }

  #setAside({ id, stamp }: ItemView): void {
    const former = this.#ancestry.setAside(id, stamp);
    const deletes = this.#deletesOf(id);
    if (deletes.delete(stamp)) deletes.add(former);
  }

  /** A machine's merge never outranks a person's later edit: it stands just after the later of the two that met. */
  #checkMergeStamp(device: string, before: ItemView, after: ItemView): void {
    const met = after.syncedStamp;
    const isMerge = met !== undefined && met !== before.syncedStamp && met !== after.stamp;
    if (!isMerge) return;
    const later = [met, before.stamp].sort()[1] ?? met;
    const millisOf = (stamp: string) => Number(stamp.split('-')[0]);
    if (millisOf(after.stamp) > millisOf(later) + 1) {
      this.#fail('stamps only grow', `${device} merged ${after.id} at ${after.stamp}, long after ${later}`);
    }
  }

  #recordMoved(device: string, before: RecordView | undefined, after: RecordView): void {
    for (const token of after.tokens) this.#count(token, 1);
    this.#unplace(before?.tokens ?? new Set());
    if (after.deleted && before !== undefined && !before.deleted) {
      if (before.state === 'open') {
        this.#fail('acknowledged is never nowhere', `${device} has lost the open record ${after.id}`);
      }
      for (const token of before.tokens) this.#retired.add(token);
    }
    const [earlier, later] = after.sides;
    if (earlier === undefined || later === undefined) return;
    const pair = `${after.itemId} ${earlier.stamp} ${later.stamp}`;
    const recorded = this.#pairs.get(pair);
    if (recorded !== undefined && recorded !== after.id) {
      this.#fail('pairs are recorded once', `${pair} is in ${recorded} and in ${after.id}`);
    }
    this.#pairs.set(pair, after.id);
    const isChain =
      this.#ancestry.descends(after.itemId, later.stamp, earlier.stamp) ||
      this.#ancestry.descends(after.itemId, earlier.stamp, later.stamp);
    // A deletion of which only the pruning is known stands in its record under the stamp of what it deleted.
    const isKnownByPruning = after.sides.some(
      side =>
        side.deleted && this.#contents.get(`${after.itemId} ${side.stamp}`)?.startsWith('live') === true,
    );
    if (
      isChain &&
      recorded === undefined &&
      !isKnownByPruning &&
      !this.#lostAncestry.excuses(device, after, this.#ancestry)
    ) {
      this.#fail(
        'pairs are recorded once',
        `${device} records ${pair}, of which one was made knowing the other`,
      );
    }
  }

  #place(before: string, after: string): void {
    for (const token of tokensIn(after)) this.#count(token, 1);
    this.#unplace(tokensIn(before));
  }

  #unplace(tokens: ReadonlySet<Token>): void {
    for (const token of tokens) this.#count(token, -1);
  }

  #count(token: Token, by: number): void {
    const count = (this.#places.get(token) ?? 0) + by;
    this.#places.set(token, count);
    if (count === 0) this.#suspects.add(token);
  }

  #checkDeletes(itemId: string): void {
    const deletes = this.#owedDeletes.get(itemId);
    if (deletes === undefined || deletes.size === 0 || this.#isDeletionKnown(itemId)) return;
    const [stamp] = deletes;
    this.#fail('acknowledged is never nowhere', `the deletion ${stamp} of ${itemId} is gone`);
  }

  /** True when what a device holds was made knowing that version. */
  #isHeard(itemId: string, stamp: string): boolean {
    return [...this.#views.values()].some(({ items, records }) => {
      const sides = [...records.values()].flatMap(record => (record.itemId === itemId ? record.sides : []));
      const held = items.get(itemId);
      return [...sides, ...(held ? [held] : [])].some(side =>
        this.#ancestry.knows(itemId, side.stamp, stamp),
      );
    });
  }

  #isDeletionKnown(itemId: string): boolean {
    for (const { items, records } of this.#views.values()) {
      if (items.get(itemId)?.deleted) return true;
      for (const record of records.values()) {
        if (record.itemId !== itemId) continue;
        if (record.deleted || record.sides.some(side => side.deleted)) return true;
      }
    }
    return false;
  }
}

interface DeviceView {
  readonly items: Map<string, ItemView>;
  readonly records: Map<string, RecordView>;
  unsettled: string;
  cursor: CursorView | undefined;
}

/** What of `before` is in `after` too. */
function keptOf(before: string, after: string): string {
  const kept = tokensIn(after);
  return [...tokensIn(before)].filter(token => kept.has(token)).join(' ');
}

const contentKey = ({ id, stamp }: Pick<ItemView, 'id' | 'stamp'>) => `${id} ${stamp}`;
