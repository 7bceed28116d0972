import type { Clock } from '../../base/time';
import { extension, type WindowFiles } from './windowFiles';

/** The text of a merge that a person saved and has not accepted yet. */
export interface MergeDraft {
  readonly text: string;
  /** Grows strictly with each save. */
  readonly modifiedMs: number;
}

/** Keeps saved merges until they are accepted: in files, those of sensitive items in memory alone. */
export class MergeDrafts {
  readonly #drafts = new Map<string, MergeDraft>();
  readonly #files: WindowFiles;
  readonly #clock: Clock;

  constructor(files: WindowFiles, clock: Clock) {
    this.#files = files;
    this.#clock = clock;
  }

  get(conflictId: string): MergeDraft | undefined {
    return this.#drafts.get(conflictId) ?? draftOf(this.#files.read(fileOf(conflictId)));
  }

  async set(conflictId: string, text: string, isSensitive: boolean): Promise<void> {
    const modifiedMs = Math.max((this.get(conflictId)?.modifiedMs ?? 0) + 1, this.#clock.now());
    const draft = { text, modifiedMs };
    if (!isSensitive) await this.#files.write(fileOf(conflictId), draft);
    this.#drafts.set(conflictId, draft);
  }

  async delete(conflictId: string): Promise<void> {
    this.#drafts.delete(conflictId);
    await this.#files.delete(fileOf(conflictId));
  }
}

function fileOf(conflictId: string): string {
  return `merge-${conflictId}${extension}`;
}

function draftOf(value: unknown): MergeDraft | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const text: unknown = 'text' in value ? value.text : undefined;
  const modifiedMs: unknown = 'modifiedMs' in value ? value.modifiedMs : undefined;
  return typeof text === 'string' && typeof modifiedMs === 'number' ? { text, modifiedMs } : undefined;
}
