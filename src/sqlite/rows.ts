import { assert } from '../base/assert';
import type { Row } from './database';

/** Typed reads of a row's columns. A column of another type means a damaged file or a bug: it throws. */

export function text(row: Row, column: string): string {
  const value = row[column];
  assert(typeof value === 'string', `column ${column} is not a text`);
  return value;
}

export function optionalText(row: Row, column: string): string | undefined {
  const value = row[column];
  assert(value === null || typeof value === 'string', `column ${column} is not a text`);
  return value ?? undefined;
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  assert(typeof value === 'number' && Number.isSafeInteger(value), `column ${column} is not an integer`);
  return value;
}

export function blob(row: Row, column: string): Uint8Array {
  const value = row[column];
  assert(value instanceof Uint8Array, `column ${column} is not a blob`);
  return value;
}

export function optionalInteger(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : integer(row, column);
}

export function flag(row: Row, column: string): boolean {
  return integer(row, column) !== 0;
}

/** A text that `is` accepts. */
export function branded<T extends string>(row: Row, column: string, is: (text: string) => text is T): T {
  const value = text(row, column);
  assert(is(value), `column ${column} is malformed`);
  return value;
}

export function optionalBranded<T extends string>(
  row: Row,
  column: string,
  is: (text: string) => text is T,
): T | undefined {
  return row[column] === null ? undefined : branded(row, column, is);
}
