import assert from 'node:assert/strict';
import type { DocumentJson } from '../../../src/device/json';
import {
  type BaseMemory,
  DocumentLedger,
  maxHandedOut,
  type ReadRevision,
} from '../../../src/extension/documents/documentLedger';

const address = 'scratch://1/notes/a.md';

describe('the ledger of what documents last read', () => {
  let ledger: DocumentLedger;
  let memory: Map<string, ReadRevision>;

  beforeEach(() => {
    memory = new Map();
    ledger = new DocumentLedger(memoryOf(memory));
  });

  it('bases a save on the state that the document showed', () => {
    ledger.handOut(address, state('1', 'one'));
    ledger.showsClean(address, 'one');
    ledger.showsUnsaved(address);
    assert.deepEqual(ledger.baseOfSave(address), { revision: '1', body: 'one' });
  });

  it('does not take a read for shown when a person typed before the editor used it', () => {
    ledger.handOut(address, state('1', 'one'));
    ledger.showsClean(address, 'one');
    ledger.handOut(address, state('2', 'two'));
    ledger.showsUnsaved(address);
    assert.deepEqual(ledger.baseOfSave(address), { revision: '1', body: 'one' });
    assert.equal(ledger.pinned(address)?.modifiedMs, 1001);
  });

  it('answers the time and size of what was read while there is unsaved text', () => {
    ledger.handOut(address, state('1', 'größe'));
    ledger.showsClean(address, 'größe');
    assert.equal(ledger.pinned(address), undefined);
    ledger.showsUnsaved(address);
    assert.deepEqual(ledger.pinned(address), {
      revision: '1',
      body: 'größe',
      modifiedMs: 1001,
      sizeBytes: 7,
    });
  });

  it('holds a change back until the document is clean, and then has it announced', () => {
    ledger.handOut(address, state('1', 'one'));
    ledger.showsClean(address, 'one');
    ledger.showsUnsaved(address);
    assert.equal(ledger.changed(address), false);
    assert.equal(ledger.showsClean(address, 'one'), true);
    assert.equal(ledger.changed(address), true);
  });

  it('announces changes of addresses that no document shows', () => {
    assert.equal(ledger.changed('scratch://2/notes/b.md'), true);
  });

  it('keeps to the saved state until an unsettled save is merged', () => {
    ledger.handOut(address, state('1', 'one'));
    ledger.showsClean(address, 'one');
    ledger.showsUnsaved(address);
    ledger.changed(address);
    ledger.saved(address, 'mine', { revision: 'w1', modifiedMs: 5000, unsettled: true });
    assert.equal(ledger.pinned(address)?.modifiedMs, 5000);
    assert.equal(ledger.showsClean(address, 'mine'), false);
    assert.equal(ledger.pinned(address)?.modifiedMs, 5000);
    assert.equal(ledger.isUnsettled(address), true);
    assert.equal(ledger.settled(address), true);
    assert.equal(ledger.pinned(address), undefined);
  });

  it('does not believe that a text is saved which was typed during the save', () => {
    ledger.handOut(address, state('1', 'one'));
    ledger.showsClean(address, 'one');
    ledger.showsUnsaved(address);
    ledger.saved(address, 'mine', { revision: 'w1', modifiedMs: 5000, unsettled: true });
    assert.equal(ledger.showsClean(address, 'mine and more'), false);
    assert.equal(ledger.settled(address), false);
    assert.deepEqual(ledger.baseOfSave(address), { revision: 'w1', body: 'mine' });
    ledger.saved(address, 'mine and more', { revision: 'w2', modifiedMs: 6000, unsettled: true });
    assert.equal(ledger.showsClean(address, 'mine and more'), false);
    assert.equal(ledger.settled(address), true);
  });

  it('compares texts without line ends and byte order mark', () => {
    ledger.handOut(address, state('1', 'a\nb\n'));
    ledger.showsClean(address, '\uFEFFa\r\nb\r\n');
    ledger.showsUnsaved(address);
    assert.deepEqual(ledger.baseOfSave(address), { revision: '1', body: 'a\nb\n' });
  });

  it('does not believe that a text is clean which was never read: the first keystroke comes before its mark', () => {
    ledger.handOut(address, state('1', 'one'));
    ledger.showsClean(address, 'one');
    ledger.showsClean(address, 'onex');
    ledger.showsUnsaved(address);
    assert.deepEqual(ledger.baseOfSave(address), { revision: '1', body: 'one' });
  });

  it('bases a save on the oldest state that was read when the editor shows none of them', () => {
    ledger.handOut(address, state('1', 'Grüße'));
    ledger.handOut(address, state('2', 'Große'));
    ledger.showsClean(address, 'GrÃ¼ÃŸe');
    ledger.showsUnsaved(address);
    assert.deepEqual(ledger.baseOfSave(address), { revision: '1', body: 'Grüße' });
  });

  it('keeps the base of unsaved text for the next window', () => {
    ledger.handOut(address, state('1', 'one'));
    ledger.showsClean(address, 'one');
    ledger.showsUnsaved(address);
    ledger.closed(address, true);
    const restored = new DocumentLedger(memoryOf(memory));
    restored.handOut(address, state('2', 'two'));
    restored.showsClean(address, 'one with unsaved text');
    restored.showsUnsaved(address);
    assert.deepEqual(restored.baseOfSave(address), { revision: '1', body: 'one' });
    assert.equal(restored.pinned(address)?.modifiedMs, 1001);
  });

  it('keeps no base of unsaved text that was discarded, from which a later text was not made', () => {
    ledger.handOut(address, state('1', 'one'));
    ledger.showsClean(address, 'one');
    ledger.showsUnsaved(address);
    ledger.showsClean(address, 'discarded'); // as the editor calls it before it closes it
    ledger.closed(address, false);
    assert.equal(memory.size, 0);
  });

  it('forgets the base of what is clean', () => {
    ledger.handOut(address, state('1', 'one'));
    ledger.showsClean(address, 'one');
    ledger.showsUnsaved(address);
    ledger.saved(address, 'two', { revision: '2', modifiedMs: 2000, unsettled: false });
    assert.equal(memory.size, 1);
    ledger.showsClean(address, 'two');
    assert.equal(memory.size, 0);
    assert.equal(ledger.pinned(address), undefined);
  });

  it('keeps nothing of a sensitive item', () => {
    ledger.handOut(address, { ...state('1', 'one'), sensitive: true });
    ledger.showsClean(address, 'one');
    ledger.showsUnsaved(address);
    ledger.saved(address, 'two', { revision: '2', modifiedMs: 2000, unsettled: false });
    assert.equal(memory.size, 0);
    assert.equal(ledger.isSensitive(address), true);
  });

  it('has no base for what it never read', () => {
    ledger.showsUnsaved(address);
    assert.equal(ledger.baseOfSave(address), undefined);
  });

  it('remembers a bounded number of states, the newest', () => {
    for (let count = 0; count <= maxHandedOut; count++)
      ledger.handOut(address, state(`${count}`, `${count}`));
    ledger.showsClean(address, '0');
    ledger.showsUnsaved(address);
    assert.deepEqual(ledger.baseOfSave(address), { revision: '1', body: '1' });
  });
});

function state(revision: string, body: string): DocumentJson {
  return {
    itemId: '1',
    kind: 'note',
    title: 'a',
    folder: '',
    language: 'markdown',
    sensitive: false,
    deleted: false,
    body,
    revision,
    modifiedMs: 1000 + Number(revision),
    createdMs: 1000,
  };
}

function memoryOf(map: Map<string, ReadRevision>): BaseMemory {
  return {
    recall: key => map.get(key),
    keep: (key, base) => map.set(key, base),
    forget: key => map.delete(key),
  };
}
