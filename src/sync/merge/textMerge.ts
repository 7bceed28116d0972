import { diff3Merge } from 'node-diff3';
import { defined } from '../../base/assert';
import { type Hunk, possibleHunks } from './lineAlignment';

/**
 * Three-way merging of texts by line, as `git merge-file` does it: a line includes its line feed, changes that touch
 * overlap, and a change that both sides made alike is made once. Overlap is `clean: false`.
 */
export type TextMerge = CleanText | OverlappingText;

export interface CleanText {
  readonly clean: true;
  readonly text: string;
  /**
   * True when lines repeat around the changes, so that another sound diff would have placed them elsewhere or seen an
   * overlap. No line is lost, but a person should look.
   */
  readonly ambiguous: boolean;
}

export interface OverlappingText {
  readonly clean: false;
  /** The merge with each overlap between conflict markers (`<<<<<<<`, `|||||||`, `=======`, `>>>>>>>`). */
  markers(labels: MarkerLabels): string;
}

/** What stands beside the markers, for example `local (laptop)`. */
export interface MarkerLabels {
  readonly left: string;
  readonly base: string;
  readonly right: string;
}

/** Where both sides changed more lines than this in one place, they overlap without a closer look. */
export const maxContestedLines = 5000;

/** Merges two texts that were made from one base. Swapping `left` and `right` gives the same text. */
export function mergeText(base: string, left: string, right: string): TextMerge {
  if (left === right || base === right) return { clean: true, text: left, ambiguous: false };
  if (base === left) return { clean: true, text: right, ambiguous: false };
  const sides: Sides = { base: linesOf(base), left: linesOf(left), right: linesOf(right) };
  const leftHunks = possibleHunks(sides.base, sides.left);
  const rightHunks = possibleHunks(sides.base, sides.right);
  const parts =
    leftHunks === undefined || rightHunks === undefined
      ? [overlap(sides)]
      : regionsOf(leftHunks, rightHunks, sides.base.length).flatMap(region => partsOf(region, sides));
  return outcomeOf(parts);
}

/** True when a text still holds a whole set of conflict markers, in their order. */
export function hasConflictMarkers(text: string): boolean {
  const awaited = [/^<{7} /, /^={7}$/, /^>{7} /];
  let found = 0;
  for (const line of text.split('\n')) if (awaited[found]?.test(line)) found += 1;
  return found === awaited.length;
}

interface Sides {
  readonly base: readonly string[];
  readonly left: readonly string[];
  readonly right: readonly string[];
}

/** A stretch of the three texts; `changed` says which sides may differ from the base in it. */
interface Region {
  readonly changed: 'none' | 'left' | 'right' | 'both';
  readonly base: Range;
  readonly left: Range;
  readonly right: Range;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

type Part =
  | { readonly type: 'merged'; readonly lines: readonly string[]; readonly ambiguous: boolean }
  | ({ readonly type: 'overlap' } & Sides);

const merged = (lines: readonly string[], ambiguous = false): Part => ({ type: 'merged', lines, ambiguous });
const overlap = (sides: Sides): Part => ({ type: 'overlap', ...sides });

/** The lines of a text, each with its line feed; the last may lack it. */
function linesOf(text: string): readonly string[] {
  const lines = text.split('\n').map(line => `${line}\n`);
  const last = defined(lines.pop(), 'split answers at least one part').slice(0, -1);
  return last === '' ? lines : [...lines, last];
}

/** Cuts the texts where neither side has changes; hunks that touch are one region. */
function regionsOf(left: readonly Hunk[], right: readonly Hunk[], baseLength: number): readonly Region[] {
  const hunks = [
    ...left.map(hunk => ({ hunk, isLeft: true })),
    ...right.map(hunk => ({ hunk, isLeft: false })),
  ].sort((first, second) => first.hunk.baseStart - second.hunk.baseStart);
  const regions: Region[] = [];
  let baseEnd = 0;
  let leftEnd = 0;
  let rightEnd = 0;
  const push = (changed: Region['changed'], end: number, leftGrowth: number, rightGrowth: number) => {
    const length = end - baseEnd;
    regions.push({
      changed,
      base: { start: baseEnd, end },
      left: { start: leftEnd, end: leftEnd + length + leftGrowth },
      right: { start: rightEnd, end: rightEnd + length + rightGrowth },
    });
    baseEnd = end;
    leftEnd += length + leftGrowth;
    rightEnd += length + rightGrowth;
  };
  for (let index = 0; index < hunks.length; ) {
    const start = defined(hunks[index], 'index is in range').hunk.baseStart;
    if (start > baseEnd) push('none', start, 0, 0);
    let end = start;
    const growth = { left: 0, right: 0 };
    const changed = { left: false, right: false };
    for (let next = hunks[index]; next && next.hunk.baseStart <= end; next = hunks[index]) {
      const { hunk } = next;
      const side = next.isLeft ? 'left' : 'right';
      changed[side] = true;
      growth[side] += hunk.sideEnd - hunk.sideStart - (hunk.baseEnd - hunk.baseStart);
      end = Math.max(end, hunk.baseEnd);
      index += 1;
    }
    push(changed.left ? (changed.right ? 'both' : 'left') : 'right', end, growth.left, growth.right);
  }
  if (baseLength > baseEnd) push('none', baseLength, 0, 0);
  return regions;
}

function partsOf(region: Region, all: Sides): readonly Part[] {
  const sides: Sides = {
    base: all.base.slice(region.base.start, region.base.end),
    left: all.left.slice(region.left.start, region.left.end),
    right: all.right.slice(region.right.start, region.right.end),
  };
  switch (region.changed) {
    case 'none':
    case 'left':
      return [merged(sides.left)];
    case 'right':
      return [merged(sides.right)];
    case 'both':
      return contestedParts(sides);
  }
}

/** Both sides may have changed these lines: a diff decides whether they did. */
function contestedParts(sides: Sides): readonly Part[] {
  const { base, left, right } = sides;
  if (left.join('') === right.join('')) return [merged(left)];
  if (Math.max(base.length, left.length, right.length) > maxContestedLines) return [overlap(sides)];
  return diff3Merge<string>([...left], [...base], [...right]).map(({ ok, conflict }) =>
    conflict === undefined
      ? merged(ok ?? [], true)
      : overlap({ base: conflict.o, left: conflict.a, right: conflict.b }),
  );
}

function outcomeOf(parts: readonly Part[]): TextMerge {
  const lines: string[] = [];
  let ambiguous = false;
  for (const part of parts) {
    if (part.type === 'overlap') return { clean: false, markers: labels => withMarkers(parts, labels) };
    for (const line of part.lines) lines.push(line);
    ambiguous ||= part.ambiguous;
  }
  return { clean: true, text: lines.join(''), ambiguous };
}

function withMarkers(parts: readonly Part[], labels: MarkerLabels): string {
  const marker = (sign: string, label: string) => `${sign.repeat(7)} ${label.replaceAll('\n', ' ')}\n`;
  return parts
    .map(part =>
      part.type === 'merged'
        ? part.lines.join('')
        : [
            marker('<', labels.left),
            closed(part.left),
            marker('|', labels.base),
            closed(part.base),
            `${'='.repeat(7)}\n`,
            closed(part.right),
            marker('>', labels.right),
          ].join(''),
    )
    .join('');
}

/** The text of lines that a marker follows. */
function closed(lines: readonly string[]): string {
  const text = lines.join('');
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}
