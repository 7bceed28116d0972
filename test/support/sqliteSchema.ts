import type { Migration } from '../../src/sqlite/database';

/** Marks the files of these tests. */
export const testApplicationId = 0x54455354;

/** A table as the store has them: an indexed key, a text, and a full-text index that triggers keep. */
export const testMigrations: readonly Migration[] = [
  {
    version: 1,
    up(tx) {
      tx.run('CREATE TABLE item(rid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL)');
      tx.run('CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID');
      tx.run('CREATE VIRTUAL TABLE search USING fts4(content="item", body, tokenize=unicode61)');
      tx.run('CREATE TRIGGER bu BEFORE UPDATE ON item BEGIN DELETE FROM search WHERE docid = old.rid; END');
      tx.run('CREATE TRIGGER bd BEFORE DELETE ON item BEGIN DELETE FROM search WHERE docid = old.rid; END');
      for (const event of ['UPDATE', 'INSERT']) {
        tx.run(
          `CREATE TRIGGER after_${event} AFTER ${event} ON item ` +
            'BEGIN INSERT INTO search(docid, body) VALUES (new.rid, new.body); END',
        );
      }
    },
  },
];
