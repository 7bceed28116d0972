import type { SqlValue } from './database';
import type { SqlSession } from './sqlSession';
import { classifyStorageError, StorageFailure } from './storageErrors';

/** What came out of a damaged file. */
export interface SalvageReport {
  /** Rows recovered, by table. */
  readonly rowsByTable: Readonly<Record<string, number>>;
  /** Tables of which a part could not be read, or whose rows did not fit. */
  readonly incompleteTables: readonly string[];
}

/**
 * Copies every row that can be read from `source` into the tables of the same name in `target`. Tables that SQLite
 * derives (an index for full-text search) are left to the triggers and to the caller. Runs inside a transaction of the
 * target. Only columns that both sides have are copied.
 */
export function salvageRows(source: SqlSession, target: SqlSession): SalvageReport {
  const rowsByTable: Record<string, number> = {};
  const incompleteTables: string[] = [];
  for (const table of plainTables(target)) {
    const isComplete = new TableCopier(source, target, table).copy();
    rowsByTable[table.name] = target.number(`SELECT count(*) FROM ${quoted(table.name)}`);
    if (!isComplete) incompleteTables.push(table.name);
  }
  return { rowsByTable, incompleteTables };
}

interface PlainTable {
  readonly name: string;
  readonly hasRowid: boolean;
}

/** A disk may fail once and read the same place the next time. */
const maxReadAttempts = 3;
/** The most probes for readable rows between damaged pages, in each table. */
const maxProbesPerTable = 2000;

function plainTables(session: SqlSession): readonly PlainTable[] {
  return session
    .all("SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' ORDER BY name")
    .map(row => ({ name: String(row['name']), hasRowid: row['wr'] === 0 }))
    .filter(table => !table.name.startsWith('sqlite_'));
}

/** Copies one table, around the places that cannot be read. */
class TableCopier {
  readonly #source: SqlSession;
  readonly #target: SqlSession;
  readonly #table: PlainTable;
  #isComplete = true;
  #probes = 0;

  constructor(source: SqlSession, target: SqlSession, table: PlainTable) {
    this.#source = source;
    this.#target = target;
    this.#table = table;
  }

  /** Answers whether every row was read and fitted. */
  copy(): boolean {
    const columns = this.#sharedColumns();
    if (columns.length === 0) return false;
    if (this.#table.hasRowid) this.#copyByRowid(columns);
    else this.#copyByKey(columns);
    return this.#isComplete;
  }

  #sharedColumns(): readonly string[] {
    const target = columnsOf(this.#target, this.#table.name);
    for (let attempt = 1; attempt <= maxReadAttempts; attempt++) {
      try {
        const source = new Set(columnsOf(this.#source, this.#table.name));
        return target.filter(column => source.has(column));
      } catch (thrown) {
        if (!isDamage(thrown)) throw thrown;
      }
    }
    return [];
  }

  /** From both ends inwards, then by halves between the damaged places, the widest gap first. */
  #copyByRowid(columns: readonly string[]): void {
    const gaps: Gap[] = [{ after: -maxRowid, before: maxRowid, isFrontKnown: false, isBackKnown: false }];
    for (let gap = gaps.shift(); gap !== undefined; gap = gaps.shift()) {
      const front = gap.isFrontKnown ? gap.after : this.#scan(columns, gap, 'ASC');
      if (front === 'end') continue;
      const back = gap.isBackKnown ? gap.before : this.#scan(columns, { ...gap, after: front }, 'DESC');
      if (back === 'end' || back - front <= 1) continue;
      const middle = Math.floor(front / 2 + back / 2);
      if (this.#probes >= maxProbesPerTable || middle <= front || middle + 1 >= back) {
        this.#isComplete = false;
        continue;
      }
      gaps.push({ after: front, before: middle + 1, isFrontKnown: true, isBackKnown: false });
      gaps.push({ after: middle, before: back, isFrontKnown: false, isBackKnown: true });
      gaps.sort((left, right) => right.before - right.after - (left.before - left.after));
    }
  }

  /** Reads between two rowids until the end, or until a damaged place: then the last rowid that could be read. */
  #scan(columns: readonly string[], gap: Gap, order: 'ASC' | 'DESC'): number | 'end' {
    this.#probes++;
    const insert = this.#insertion(['rowid', ...columns]);
    let last = order === 'ASC' ? gap.after : gap.before;
    try {
      this.#source.each(
        `SELECT rowid, ${columns.map(quoted).join(', ')} FROM ${quoted(this.#table.name)} NOT INDEXED ` +
          `WHERE rowid > ? AND rowid < ? ORDER BY rowid ${order}`,
        [gap.after, gap.before],
        values => {
          insert(values);
          if (typeof values[0] === 'number') last = values[0];
        },
      );
      return 'end';
    } catch (thrown) {
      if (!isDamage(thrown)) throw thrown;
      return last;
    }
  }

  /** A table without rowids is read from both ends of its primary key. */
  #copyByKey(columns: readonly string[]): void {
    const key = this.#target
      .all('SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk', [this.#table.name])
      .map(row => quoted(String(row['name'])));
    const insert = this.#insertion(columns);
    for (const order of ['ASC', 'DESC']) {
      try {
        this.#source.each(
          `SELECT ${columns.map(quoted).join(', ')} FROM ${quoted(this.#table.name)} ` +
            `ORDER BY ${key.map(column => `${column} ${order}`).join(', ')}`,
          [],
          insert,
        );
        return;
      } catch (thrown) {
        if (!isDamage(thrown)) throw thrown;
      }
    }
    this.#isComplete = false;
  }

  #insertion(columns: readonly string[]): (values: readonly SqlValue[]) => void {
    const sql =
      `INSERT OR REPLACE INTO ${quoted(this.#table.name)} (${columns.map(quoted).join(', ')}) ` +
      `VALUES (${columns.map(() => '?').join(', ')})`;
    return values => {
      try {
        this.#target.run(sql, values);
      } catch (thrown) {
        const error = classifyStorageError(thrown, { path: '', systemCode: undefined });
        if (error !== undefined) throw new StorageFailure(error, thrown);
        // A row that the schema refuses was not read as it was written: it stays in the damaged file, and is reported.
        this.#isComplete = false;
      }
    };
  }
}

/** Rowids between `after` and `before`; a known end is one where a damaged place was met. */
interface Gap {
  readonly after: number;
  readonly before: number;
  readonly isFrontKnown: boolean;
  readonly isBackKnown: boolean;
}

/** A page that makes no sense, or a sector that the disk cannot read. */
function isDamage(thrown: unknown): boolean {
  if (thrown instanceof StorageFailure) return false; // the target's, not the damaged file's
  const error = classifyStorageError(thrown, { path: '', systemCode: undefined });
  return error?.type === 'damaged' || error?.type === 'io';
}

const maxRowid = Number.MAX_SAFE_INTEGER;

function columnsOf(session: SqlSession, table: string): readonly string[] {
  // Hidden columns are computed, or belong to a virtual table.
  return session
    .all('SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0', [table])
    .map(row => String(row['name']));
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
