import { constants } from 'node:fs';
import type { Timers } from '../../base/time';
import { headerBytes, parseHeader, readHeaderBytes } from './databaseHeader';
import type { FileCalls } from './fileCalls';
import { readFully, writeFully } from './fileSteps';

/**
 * Overwrites with zeros what no row of the file uses but may still hold the text of one that was deleted.
 *
 * `secure_delete` overwrites rows that are deleted and pages that are freed, but when SQLite balances a tree it leaves
 * copies of the rows that it moves in the gap between a page's cell pointers and its cells (sqlite.org/fileformat2.html,
 * section 1.6). SQLite never reads that gap, so zeros can be written there without a journal, and a crash on the way
 * leaves the file sound. Must run under the lock, between two transactions; every cached page is out of date after it.
 *
 * @returns how many pages had something in their gap
 */
export async function wipeUnusedBytes(files: FileCalls, timers: Timers, path: string): Promise<number> {
  const header = parseHeader(readHeaderBytes(files, path));
  if (header === undefined) return 0;
  const { pageBytes } = header;
  const pagesPerChunk = Math.max(1, Math.floor(chunkBytes / pageBytes));
  const descriptor = files.open(path, constants.O_RDWR);
  try {
    const chunk = new Uint8Array(pagesPerChunk * pageBytes);
    const zeros = new Uint8Array(pageBytes);
    let wiped = 0;
    for (let firstPage = 1; ; firstPage += pagesPerChunk) {
      const position = (firstPage - 1) * pageBytes;
      const length = readFully(files, descriptor, chunk, position);
      for (let offset = 0; offset + pageBytes <= length; offset += pageBytes) {
        const page = chunk.subarray(offset, offset + pageBytes);
        const pageNumber = firstPage + offset / pageBytes;
        const gap = isPointerMap(pageNumber, pageBytes) ? undefined : gapOf(page, pageNumber);
        if (gap === undefined) continue;
        const blank = zeros.subarray(0, gap.end - gap.start);
        if (Buffer.compare(page.subarray(gap.start, gap.end), blank) === 0) continue;
        writeFully(files, descriptor, blank, position + offset + gap.start);
        wiped++;
      }
      if (length < chunk.length) break;
      await timers.sleep(0);
    }
    files.sync(descriptor);
    return wiped;
  } finally {
    files.close(descriptor);
  }
}

const chunkBytes = 4 * 1024 * 1024;

/** The flags of a page of a tree that has children, and of one that has none. */
const interiorFlags: ReadonlySet<number> = new Set([2, 5]);
const leafFlags: ReadonlySet<number> = new Set([10, 13]);
const interiorHeaderBytes = 12;
const leafHeaderBytes = 8;
const pointerBytes = 2;
const pointerMapEntryBytes = 5;
/** SQLite locks bytes from here on, so this page is never used. */
const pendingByte = 0x40000000;

/** The gap of a page of a tree; undefined for pages of other kinds. */
function gapOf(
  page: Uint8Array,
  pageNumber: number,
): { readonly start: number; readonly end: number } | undefined {
  const headerAt = pageNumber === 1 ? headerBytes : 0;
  const flags = page[headerAt] ?? 0;
  if (!interiorFlags.has(flags) && !leafFlags.has(flags)) return undefined;
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const cells = view.getUint16(headerAt + 3);
  const content = view.getUint16(headerAt + 5) || 65_536;
  const treeHeaderBytes = interiorFlags.has(flags) ? interiorHeaderBytes : leafHeaderBytes;
  const start = headerAt + treeHeaderBytes + cells * pointerBytes;
  return start < content && content <= page.length ? { start, end: content } : undefined;
}

/** In a file that can give pages back, every so many pages one tells where the others belong (section 1.8). */
function isPointerMap(pageNumber: number, pageBytes: number): boolean {
  if (pageNumber < 2) return false;
  const pagesPerMap = Math.floor(pageBytes / pointerMapEntryBytes) + 1;
  const map = Math.floor((pageNumber - 2) / pagesPerMap) * pagesPerMap + 2;
  const pendingPage = pendingByte / pageBytes + 1;
  return pageNumber === pendingPage || pageNumber === (map === pendingPage ? map + 1 : map);
}
