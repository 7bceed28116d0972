import type { Memento } from 'vscode';
import type { Clock } from '../../base/time';

/** The text of a merge that a person saved and has not accepted yet. */
export interface MergeDraft {
  readonly text: string;
  /** Grows strictly with each save. */
  readonly modifiedMs: number;
}

const keyPrefix = 'merge:';

/** Keeps saved merges until they are accepted: in the window's state, those of sensitive items in memory alone. */
export class MergeDrafts {
  readonly #drafts = new Map<string, MergeDraft>();
  readonly #state: Memento;
  readonly #clock: Clock;

  constructor(state: Memento, clock: Clock) {
    this.#state = state;
    this.#clock = clock;
  }

  get(conflictId: string): MergeDraft | undefined {
    return this.#drafts.get(conflictId) ?? draftOf(this.#state.get(keyPrefix + conflictId));
  }

  async set(conflictId: string, text: string, isSensitive: boolean): Promise<void> {
    const modifiedMs = Math.max((this.get(conflictId)?.modifiedMs ?? 0) + 1, this.#clock.now());
    const draft = { text, modifiedMs };
    this.#drafts.set(conflictId, draft);
    if (!isSensitive) await this.#state.update(keyPrefix + conflictId, draft);
  }

  async delete(conflictId: string): Promise<void> {
    this.#drafts.delete(conflictId);
    await this.#state.update(keyPrefix + conflictId, undefined);
  }
}

function draftOf(value: unknown): MergeDraft | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const text: unknown = 'text' in value ? value.text : undefined;
  const modifiedMs: unknown = 'modifiedMs' in value ? value.modifiedMs : undefined;
  return typeof text === 'string' && typeof modifiedMs === 'number' ? { text, modifiedMs } : undefined;
}
