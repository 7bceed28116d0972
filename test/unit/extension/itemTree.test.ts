import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { ItemSummaryJson, OutlineJson } from '../../../src/device/json';
import {
  childRows,
  type ItemRow,
  keyboardItemIds,
  parentRow,
  rootRows,
  unreadableRow,
} from '../../../src/extension/views/itemTree';
import { idleStatus } from '../../support/memoryDevice';
import { plainSay } from '../../support/plainSay';

const outline: OutlineJson = {
  places: [
    { kind: 'note', folder: '', count: 2 },
    { kind: 'note', folder: 'plans/2026', count: 3 },
    { kind: 'note', folder: 'plans', count: 1 },
    { kind: 'note', folder: 'Attic', count: 1 },
    { kind: 'config', folder: '', count: 1 },
  ],
  deleted: 4,
};

function item(title: string, fields: Partial<ItemSummaryJson> = {}): ItemSummaryJson {
  return {
    ...{ id: title, kind: 'note', title, folder: '', tags: [], pinned: false, sensitive: false },
    ...{ lastModified: '2026-01-02T03:04:05.678Z', deviceId: '00000000000000aa', version: 0 },
    ...{ deleted: false, pending: false, inConflict: false },
    ...fields,
  };
}

/** A row in a few words. */
function words(row: ItemRow): string {
  switch (row.type) {
    case 'item':
      return row.item.title;
    case 'more':
      return `${row.hidden} more`;
    case 'notice':
      return row.label;
    case 'deleted':
      return `deleted ${row.count}`;
    default:
      return `${row.kind}/${row.folder} ${row.count}`;
  }
}

const notes: ItemRow = { type: 'kind', kind: 'note', folder: '', count: 7 };

describe('the rows of the Items view', () => {
  it('begin with the kinds that have items, then what was deleted', () => {
    assert.deepEqual(rootRows(outline, idleStatus, plainSay).map(words), [
      'note/ 7',
      'config/ 1',
      'deleted 4',
    ]);
    assert.deepEqual(rootRows({ places: [], deleted: 0 }, idleStatus, plainSay), []);
  });

  it('have what sync waits for above them, with the command that mends it', () => {
    const status = { ...idleStatus, state: 'attention' as const, attention: 'A key is missing.' };
    const [first] = rootRows(outline, { ...status, attentionCode: 'keyMissing' }, plainSay);
    assert.deepEqual(first, {
      ...{ type: 'notice', label: 'Sync needs you', detail: 'A key is missing.' },
      ...{ icon: 'warning', command: 'scratchSync.unlock' },
    });
    const [other] = rootRows(outline, { ...status, attentionCode: 'badCredentials' }, plainSay);
    assert.ok(other?.type === 'notice');
    assert.equal(other.command, 'scratchSync.signIn');
  });

  it('say what is the matter when the items cannot be read, with what mends it', () => {
    const storage = unreadableRow({ code: 'storage', message: 'The store is damaged.' }, plainSay);
    assert.deepEqual([storage.detail, storage.command], ['The store is damaged.', 'scratchSync.runDoctor']);
    assert.equal(unreadableRow({ code: 'busy', message: 'x' }, plainSay).command, 'scratchSync.showLog');
  });

  it('of a kind are its folders, counted with those below them, then its own items', () => {
    const rows = childRows(notes, outline, [item('Note 10'), item('note 9')]);
    assert.deepEqual(rows.map(words), ['note/Attic 1', 'note/plans 4', 'note 9', 'Note 10']);
    const plans = rows[1];
    assert.ok(plans);
    assert.deepEqual(childRows(plans, outline, [item('p')]).map(words), ['note/plans/2026 3', 'p']);
  });

  it('end with how many more there are, and keep the order of the pages then', () => {
    const many = { ...outline, places: [{ kind: 'note' as const, folder: '', count: 100_000 }] };
    const rows = childRows(notes, many, [item('Note 10'), item('note 9')]);
    assert.deepEqual(rows.map(words), ['Note 10', 'note 9', '99998 more']);
  });

  it('know what they stand in', () => {
    const leaf: ItemRow = { type: 'item', itemId: 'x', item: item('x', { folder: 'plans/2026' }) };
    const folder = parentRow(leaf, outline);
    assert.ok(folder);
    assert.equal(words(folder), 'note/plans/2026 3');
    const plans = parentRow(folder, outline);
    assert.ok(plans);
    assert.equal(words(plans), 'note/plans 4');
    assert.deepEqual(parentRow(plans, outline), notes);
  });

  it('are what a key is about: the selected ones when the focused one is among them, else that one', () => {
    const [one, two, three] = ['one', 'two', 'three'].map(id => leaf(id));
    assert.ok(one && two && three);
    assert.deepEqual(keyboardItemIds([], [one]), ['one']);
    assert.deepEqual(keyboardItemIds([one, two], [one, two, three]), ['three']);
    assert.deepEqual(keyboardItemIds([one, two], [one]), ['one', 'two']);
    assert.deepEqual(keyboardItemIds([one], []), ['one']);
    assert.deepEqual(keyboardItemIds([one], [leaf('one'), notes]), [], 'a folder is no item');
    assert.deepEqual(keyboardItemIds([], [leaf('gone', true)]), []);
  });
});

function leaf(id: string, deleted = false): ItemRow {
  return { type: 'item', itemId: id, item: item(id, { deleted }) };
}
