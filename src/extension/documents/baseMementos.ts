import type { Memento } from 'vscode';
import type { BaseMemory, ReadRevision } from './documentLedger';

/** Documents with unsaved text whose bases are kept at most; the oldest go first. */
export const maxKeptBases = 50;
const keyPrefix = 'base:';
const orderKey = 'bases';

/** Keeps bases in the window's own state, which is there again when the window restores its unsaved text. */
export function baseMementos(state: Memento, onError: (error: unknown) => void): BaseMemory {
  function update(key: string, value: unknown): void {
    state.update(key, value).then(undefined, onError);
  }

  function order(): readonly string[] {
    const kept: unknown = state.get(orderKey);
    return Array.isArray(kept) ? kept.filter(address => typeof address === 'string') : [];
  }

  return {
    recall: address => readRevision(state.get(keyPrefix + address)),
    keep(address, base) {
      const addresses = [...order().filter(each => each !== address), address];
      for (const old of addresses.slice(0, -maxKeptBases)) update(keyPrefix + old, undefined);
      update(orderKey, addresses.slice(-maxKeptBases));
      update(keyPrefix + address, base);
    },
    forget(address) {
      const addresses = order();
      if (!addresses.includes(address)) return;
      update(
        orderKey,
        addresses.filter(each => each !== address),
      );
      update(keyPrefix + address, undefined);
    },
  };
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
