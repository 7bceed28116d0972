/** A conflict between two sides in a merge text, as lines counted from 0; the markers' own lines included. */
export interface MarkedConflict {
  readonly startLine: number;
  readonly endLine: number;
  readonly local: readonly string[];
  readonly remote: readonly string[];
}

const localMarker = '<<<<<<< ';
const baseMarker = '||||||| ';
const separator = '=======';
const remoteMarker = '>>>>>>> ';

/** The marked conflicts of a text, in order. What is not closed by its last marker is none. */
export function markedConflicts(text: string): readonly MarkedConflict[] {
  const conflicts: MarkedConflict[] = [];
  let open: Open | undefined;
  for (const [number, line] of text.split(/\r?\n/).entries()) {
    if (line.startsWith(localMarker)) open = { startLine: number, part: 'local', local: [], remote: [] };
    else if (open === undefined) continue;
    else if (open.part === 'local' && line.startsWith(baseMarker)) open.part = 'base';
    else if (open.part !== 'remote' && line === separator) open.part = 'remote';
    else if (open.part === 'remote' && line.startsWith(remoteMarker)) {
      const { startLine, local, remote } = open;
      conflicts.push({ startLine, endLine: number, local, remote });
      open = undefined;
    } else if (open.part !== 'base') open[open.part].push(line);
  }
  return conflicts;
}

export type Accept = 'local' | 'remote' | 'both';

export function isAccept(value: unknown): value is Accept {
  return value === 'local' || value === 'remote' || value === 'both';
}

/** The lines that stay when a conflict is settled. */
export function acceptedLines(conflict: MarkedConflict, accept: Accept): readonly string[] {
  switch (accept) {
    case 'local':
      return conflict.local;
    case 'remote':
      return conflict.remote;
    case 'both':
      return [...conflict.local, ...conflict.remote];
  }
}

interface Open {
  readonly startLine: number;
  part: 'local' | 'base' | 'remote';
  readonly local: string[];
  readonly remote: string[];
}
