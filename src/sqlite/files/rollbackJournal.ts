import { constants } from 'node:fs';
import type { FileCalls } from './fileCalls';
import { readWholeFile, writeFully } from './fileSteps';

/**
 * Whether a process died in the middle of a commit: its journal then holds the pages as they were before
 * (sqlite.org/fileformat2.html, section 3; sqlite.org/lockingv3.html, section 4).
 */
export function hasHotJournal(files: FileCalls, path: string): boolean {
  const journalPath = `${path}-journal`;
  const status = files.status(journalPath);
  if (status === undefined || status.sizeBytes === 0) return false;
  const descriptor = files.open(journalPath, constants.O_RDONLY);
  try {
    const first = new Uint8Array(1);
    files.read(descriptor, first, 0, 1, 0);
    return first[0] !== 0;
  } finally {
    files.close(descriptor);
  }
}

/**
 * Brings the file back to its state before the commit that was cut off. SQLite does this by itself where it works on
 * the file; this is for where it does not.
 */
export function rollBackHotJournal(files: FileCalls, path: string): void {
  if (!hasHotJournal(files, path)) return;
  const journal = readWholeFile(files, `${path}-journal`);
  const database = files.open(path, constants.O_RDWR);
  try {
    restorePages(files, database, journal);
    files.sync(database);
  } finally {
    files.close(database);
  }
  const descriptor = files.open(`${path}-journal`, constants.O_RDWR);
  try {
    files.truncate(descriptor, 0);
    files.sync(descriptor);
  } finally {
    files.close(descriptor);
  }
}

const headerMagic = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
const journalHeaderBytes = 28;
/** Stands for "as many records as there are" in a journal that was not synced. */
const recordsToTheEnd = 0xffffffff;
const checksumStep = 200;

function restorePages(files: FileCalls, database: number, journal: Uint8Array): void {
  const view = new DataView(journal.buffer, journal.byteOffset, journal.byteLength);
  let at = 0;
  let sectorBytes = 0;
  while (at + journalHeaderBytes <= journal.length) {
    if (!headerMagic.every((byte, index) => journal[at + index] === byte)) return;
    const declaredRecords = view.getUint32(at + 8);
    const nonce = view.getUint32(at + 12);
    const originalPages = view.getUint32(at + 16);
    if (at === 0) sectorBytes = view.getUint32(20);
    const pageBytes = view.getUint32(24);
    if (at === 0) files.truncate(database, originalPages * pageBytes);
    const recordBytes = 4 + pageBytes + 4;
    let record = at + sectorBytes;
    const fitting = Math.floor((journal.length - record) / recordBytes);
    const records = declaredRecords === recordsToTheEnd ? fitting : Math.min(declaredRecords, fitting);
    for (let index = 0; index < records; index++, record += recordBytes) {
      const page = journal.subarray(record + 4, record + 4 + pageBytes);
      // A record that does not fit its sum was not fully written, so the file's page was not yet touched.
      if (view.getUint32(record + 4 + pageBytes) !== checksum(nonce, page)) return;
      const pageNumber = view.getUint32(record);
      if (pageNumber <= originalPages) writeFully(files, database, page, (pageNumber - 1) * pageBytes);
    }
    if (declaredRecords === recordsToTheEnd || records < declaredRecords) return;
    at = Math.ceil(record / sectorBytes) * sectorBytes;
  }
}

function checksum(nonce: number, page: Uint8Array): number {
  let sum = nonce;
  for (let at = page.length - checksumStep; at > 0; at -= checksumStep) sum += page[at] ?? 0;
  return sum >>> 0;
}
