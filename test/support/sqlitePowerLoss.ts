import { constants } from 'node:fs';
import type { FileCalls } from '../../src/sqlite/files/fileCalls';

/** One step of what a process did to its files, in order. */
export type DiskStep =
  | { readonly type: 'write'; readonly path: string; readonly position: number; readonly bytes: Uint8Array }
  | { readonly type: 'truncate'; readonly path: string; readonly sizeBytes: number }
  | { readonly type: 'create'; readonly path: string }
  | { readonly type: 'remove'; readonly path: string }
  | { readonly type: 'sync'; readonly path: string }
  | { readonly type: 'syncFolder' }
  /** The process was told that its commit number `commit` is durable. */
  | { readonly type: 'acknowledge'; readonly commit: number };

/** The file calls, with a record of every change made to the paths. */
export function recordSteps(inner: FileCalls, paths: readonly string[], steps: DiskStep[]): FileCalls {
  const pathOf = new Map<number, string>();
  const recorded = (descriptor: number, record: (path: string) => DiskStep) => {
    const path = pathOf.get(descriptor);
    if (path !== undefined) steps.push(record(path));
  };
  return {
    ...inner,
    open(path, flags) {
      const isNew = paths.includes(path) && inner.status(path) === undefined;
      const descriptor = inner.open(path, flags);
      if (paths.includes(path)) pathOf.set(descriptor, path);
      if (isNew && (flags & constants.O_CREAT) !== 0) steps.push({ type: 'create', path });
      return descriptor;
    },
    close(descriptor) {
      pathOf.delete(descriptor);
      inner.close(descriptor);
    },
    write(descriptor, source, offset, length, position) {
      const bytes = source.slice(offset, offset + length);
      recorded(descriptor, path => ({ type: 'write', path, position, bytes }));
      return inner.write(descriptor, source, offset, length, position);
    },
    truncate(descriptor, sizeBytes) {
      recorded(descriptor, path => ({ type: 'truncate', path, sizeBytes }));
      inner.truncate(descriptor, sizeBytes);
    },
    remove(path) {
      if (paths.includes(path)) steps.push({ type: 'remove', path });
      inner.remove(path);
    },
    sync: descriptor => recorded(descriptor, path => ({ type: 'sync', path })),
    syncFolder: () => {
      steps.push({ type: 'syncFolder' });
    },
  };
}

/** What a disk holds after its power was cut. */
export interface SurvivingDisk {
  /** The content of each file that is still there. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The last commit that had been acknowledged. */
  readonly acknowledged: number;
}

/**
 * What is left when the power goes after `cut` steps. What was synced is there. Of what was not, each step survives
 * with the chance `survival`, in any combination, and a surviving write may be torn between two sectors.
 */
export function cutPower(
  steps: readonly DiskStep[],
  cut: number,
  survival: number,
  fraction: () => number,
): SurvivingDisk {
  const disks = new Map<string, FileOnDisk>();
  const fileAt = (path: string) => {
    const file = disks.get(path) ?? { durable: undefined, pending: [], isNameDurable: false };
    disks.set(path, file);
    return file;
  };
  let acknowledged = 0;
  for (const step of steps.slice(0, cut)) {
    if (step.type === 'acknowledge') acknowledged = step.commit;
    else if (step.type === 'syncFolder') {
      for (const file of disks.values()) {
        if (file.pending.at(-1)?.type === 'remove') Object.assign(file, { durable: undefined, pending: [] });
        file.isNameDurable = file.durable !== undefined || file.pending.length > 0;
      }
    } else if (step.type === 'sync') {
      const file = fileAt(step.path);
      for (const pending of file.pending.splice(0)) file.durable = apply(file.durable, pending);
    } else fileAt(step.path).pending.push(step);
  }
  const files = new Map<string, Uint8Array>();
  for (const [path, file] of disks) {
    if (!file.isNameDurable && fraction() >= survival) continue; // the folder has never heard of it
    let content = file.durable;
    for (const step of file.pending)
      if (fraction() < survival) content = apply(content, torn(step, fraction));
    if (content !== undefined) files.set(path, content);
  }
  return { files, acknowledged };
}

interface FileOnDisk {
  durable: Uint8Array | undefined;
  readonly pending: FileStep[];
  isNameDurable: boolean;
}

type FileStep = Extract<DiskStep, { type: 'write' | 'truncate' | 'create' | 'remove' }>;

const sectorBytes = 512;
const tornChance = 0.2;

function torn(step: FileStep, fraction: () => number): FileStep {
  if (step.type !== 'write' || fraction() >= tornChance) return step;
  const keptBytes = Math.floor((step.bytes.length * fraction()) / sectorBytes) * sectorBytes;
  return { ...step, bytes: step.bytes.subarray(0, keptBytes) };
}

function apply(content: Uint8Array | undefined, step: FileStep): Uint8Array | undefined {
  const before = content ?? new Uint8Array(0);
  switch (step.type) {
    case 'create':
      return before;
    case 'remove':
      return undefined;
    case 'truncate':
      return resized(before, step.sizeBytes);
    case 'write': {
      const endBytes = step.position + step.bytes.length;
      const after = endBytes <= before.length ? before : resized(before, endBytes);
      after.set(step.bytes, step.position);
      return after;
    }
  }
}

function resized(content: Uint8Array, sizeBytes: number): Uint8Array {
  const after = new Uint8Array(sizeBytes);
  after.set(content.subarray(0, sizeBytes));
  return after;
}
