import type { SqlValue } from '../database';
import type { SqlSession } from '../engine/sqlSession';
import { classifyStorageError, StorageFailure } from '../storageErrors';
import { type KeyScale, rowidScale, textScale } from './salvageScale';

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
    this.#copyRows(columns);
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

  #copyRows(columns: readonly string[]): void {
    const keys = this.#target.all('SELECT name, type FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk', [
      this.#table.name,
    ]);
    const names = keys.map(key => quoted(String(key['name'])));
    const [name] = names;
    if (this.#table.hasRowid) this.#copyAlong(rowidScale, columns);
    else if (name !== undefined && names.length === 1 && keys[0]?.['type'] === 'TEXT')
      this.#copyAlong(textScale(name), columns);
    else this.#copyFromEnds(names, columns);
  }

  /** From both ends inwards, then by halves between the damaged places, the widest gap first. */
  #copyAlong<Key>(scale: KeyScale<Key>, columns: readonly string[]): void {
    const gaps: Gap<Key>[] = [
      { after: undefined, before: undefined, isFrontKnown: false, isBackKnown: false, width: 0 },
    ];
    for (let gap = gaps.shift(); gap !== undefined; gap = gaps.shift()) {
      const front = gap.isFrontKnown ? { key: gap.after } : this.#scan(scale, columns, gap, 'ASC');
      if (front === 'end') continue;
      const rest = { ...gap, after: front.key };
      const back = gap.isBackKnown ? { key: gap.before } : this.#scan(scale, columns, rest, 'DESC');
      if (back === 'end' || scale.isEmptyBetween(front.key, back.key)) continue;
      const middle = scale.middle(front.key, back.key);
      if (this.#probes >= maxProbesPerTable || middle === undefined) {
        this.#isComplete = false;
        continue;
      }
      const lower = { after: front.key, before: scale.next(middle), isFrontKnown: true, isBackKnown: false };
      const upper = { after: middle, before: back.key, isFrontKnown: false, isBackKnown: true };
      for (const half of [lower, upper]) gaps.push({ ...half, width: scale.width(half.after, half.before) });
      gaps.sort((left, right) => right.width - left.width);
    }
  }

  /** Reads between two keys until the end, or until a damaged place: then the last key that could be read. */
  #scan<Key>(
    scale: KeyScale<Key>,
    columns: readonly string[],
    { after, before }: Pick<Gap<Key>, 'after' | 'before'>,
    order: 'ASC' | 'DESC',
  ): { readonly key: Key | undefined } | 'end' {
    this.#probes++;
    const { column, parameter } = scale;
    // With rowids the number is copied too; the statement reads the key first in any case.
    const insert = this.#insertion(this.#table.hasRowid ? [column, ...columns] : columns);
    const bounds = [
      ...(after === undefined ? [] : [`${column} > ${parameter}`]),
      ...(before === undefined ? [] : [`${column} < ${parameter}`]),
    ];
    const values = [after, before].flatMap(key => (key === undefined ? [] : [scale.toSql(key)]));
    let last = order === 'ASC' ? after : before;
    try {
      this.#source.each(
        `SELECT ${column}, ${columns.map(quoted).join(', ')} FROM ${quoted(this.#table.name)} NOT INDEXED` +
          `${bounds.length === 0 ? '' : ` WHERE ${bounds.join(' AND ')}`} ORDER BY ${column} ${order}`,
        values,
        row => {
          insert(this.#table.hasRowid ? row : row.slice(1));
          last = scale.fromSql(row[0]) ?? last;
        },
      );
      return 'end';
    } catch (thrown) {
      if (!isDamage(thrown)) throw thrown;
      return { key: last };
    }
  }

  /** Rows of a key of several columns, from both of its ends. */
  #copyFromEnds(key: readonly string[], columns: readonly string[]): void {
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

/** Keys between `after` and `before`; a known end is one where a damaged place was met. */
interface Gap<Key> {
  readonly after: Key | undefined;
  readonly before: Key | undefined;
  readonly isFrontKnown: boolean;
  readonly isBackKnown: boolean;
  readonly width: number;
}

/** A page that makes no sense, or a sector that the disk cannot read. */
function isDamage(thrown: unknown): boolean {
  if (thrown instanceof StorageFailure) return false; // the target's, not the damaged file's
  const error = classifyStorageError(thrown, { path: '', systemCode: undefined });
  return error?.type === 'damaged' || error?.type === 'io';
}

function columnsOf(session: SqlSession, table: string): readonly string[] {
  // Hidden columns are computed, or belong to a virtual table.
  return session
    .all('SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0', [table])
    .map(row => String(row['name']));
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
