import { createHash } from 'node:crypto';
import type { BaseMemory, ReadRevision } from './documentLedger';
import { extension, type WindowFiles } from './windowFiles';

/** Bases that are kept at most; what is beyond was left behind by windows that never came back. */
export const maxKeptBases = 100;

/**
 * Keeps the bases of unsaved texts in files, for the window that restores those texts. Each session has its own file for
 * an address, because two windows may have unsaved text of one item on different bases. Which of several a restored
 * text was made on is not known; the oldest is sound for all of them.
 *
 * @param session differs for each start of the extension
 */
export function keptBases(
  files: WindowFiles,
  session: string,
  onError: (error: unknown) => void,
): BaseMemory {
  const adopted = new Map<string, readonly string[]>();
  const own = (address: string) => `${prefixOf(address)}${session}${extension}`;

  return {
    recall(address) {
      const names = files.names(prefixOf(address));
      adopted.set(address, names);
      return names
        .map(name => readRevision(files.read(name)))
        .filter(base => base !== undefined)
        .sort((left, right) => left.modifiedMs - right.modifiedMs)[0];
    },
    keep(address, base) {
      const others = files.names(basePrefix).filter(name => name !== own(address));
      for (const name of others.slice(maxKeptBases)) files.delete(name).catch(onError);
      files.write(own(address), base).catch(onError);
    },
    forget(address) {
      const names = new Set([own(address), ...(adopted.get(address) ?? [])]);
      adopted.delete(address);
      for (const name of names) files.delete(name).catch(onError);
    },
  };
}

const basePrefix = 'base-';
const hashLength = 24;

function prefixOf(address: string): string {
  return `${basePrefix}${createHash('sha256').update(address).digest('hex').slice(0, hashLength)}-`;
}

/** What an earlier window kept; undefined for anything else. */
function readRevision(value: unknown): ReadRevision | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { revision, body, modifiedMs, sizeBytes } = { ...absent, ...value };
  if (typeof revision !== 'string' || typeof body !== 'string') return undefined;
  if (typeof modifiedMs !== 'number' || typeof sizeBytes !== 'number') return undefined;
  return { revision, body, modifiedMs, sizeBytes };
}

const absent: Readonly<Record<keyof ReadRevision, unknown>> = {
  revision: undefined,
  body: undefined,
  modifiedMs: undefined,
  sizeBytes: undefined,
};
