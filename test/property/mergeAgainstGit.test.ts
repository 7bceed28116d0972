import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { devNull, tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { emptyContent } from '../../src/model/content';
import { type MergedVersions, mergeVersions } from '../../src/sync/merge/mergeVersions';
import { live } from '../unit/sync/merge/versions';
import { lostLines, type Texts } from './mergeArbitraries';

const run = promisify(execFile);
const caseCount = 2000;
/** Generous: a bound on a test that hangs, not a measurement. */
const gitLimitMs = 120_000;
const seed = Number(process.env['SEED'] ?? 20_251_122);

/** Mulberry32: a small generator, so that a seed gives the same cases everywhere. */
function seededFraction(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How the lines of a case are drawn; the more often they repeat, the more diffs of two texts there are. */
const flavours = ['prose', 'code', 'fifty words', 'ten words', 'four words'] as const;
type Flavour = (typeof flavours)[number];

interface Case extends Texts {
  readonly flavour: Flavour;
}

function randomCases(count: number): readonly Case[] {
  const fraction = seededFraction(seed);
  const below = (limit: number) => Math.floor(fraction() * limit);
  let unique = 0;
  const wordOf = (words: number) => `word ${below(words)}`;
  const lineOf = (flavour: Flavour): string => {
    unique += 1;
    switch (flavour) {
      case 'prose':
        return `sentence ${unique}`;
      case 'code':
        return fraction() < 0.3 ? (['', '}', '  return;'][below(3)] ?? '') : `statement ${unique}`;
      case 'fifty words':
        return wordOf(50);
      case 'ten words':
        return wordOf(10);
      case 'four words':
        return wordOf(4);
    }
  };
  const linesOf = (flavour: Flavour, length: number) => Array.from({ length }, () => lineOf(flavour));
  const edited = (base: readonly string[], flavour: Flavour) => {
    let lines = [...base];
    for (let edits = 1 + below(3); edits > 0; edits -= 1) {
      const at = below(lines.length + 1);
      const length = 1 + below(3);
      const chance = fraction();
      if (chance < 0.35) lines = lines.toSpliced(at, 0, ...linesOf(flavour, length));
      else if (chance < 0.6) lines = lines.toSpliced(at, length);
      else if (chance < 0.95) lines = lines.toSpliced(at, length, ...linesOf(flavour, length));
      else {
        const moved = lines.slice(at, at + length);
        lines = lines.toSpliced(at, length);
        lines = lines.toSpliced(below(lines.length + 1), 0, ...moved);
      }
    }
    return lines;
  };
  const textOf = (lines: readonly string[]) =>
    lines.join('\n') + (lines.length > 0 && fraction() < 0.8 ? '\n' : '');
  return Array.from({ length: count }, (_, index) => {
    const flavour = flavours[index % flavours.length] ?? 'prose';
    const base = linesOf(flavour, below(40));
    return {
      flavour,
      base: textOf(base),
      left: textOf(edited(base, flavour)),
      right: textOf(edited(base, flavour)),
    };
  });
}

/** Without anybody's settings. */
const plainGit = { ...process.env, GIT_CONFIG_GLOBAL: devNull, GIT_CONFIG_NOSYSTEM: '1' };

/** For each case git's merge, or undefined where git reports a conflict. */
async function mergedByGit(cases: readonly Texts[]): Promise<readonly (string | undefined)[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'merge-file-'));
  try {
    const file = (index: number, part: string) => path.join(folder, `${index}.${part}`);
    for (const [index, { base, left, right }] of cases.entries()) {
      await writeFile(file(index, 'base'), base);
      await writeFile(file(index, 'left'), left);
      await writeFile(file(index, 'right'), right);
    }
    // One shell for all: git always comes with one, and a process of node for each merge takes ten times as long.
    const script = [
      'index=0',
      `while [ $index -lt ${cases.length} ]; do`,
      '  git merge-file -p -q $index.left $index.base $index.right > $index.merged; echo $?',
      '  index=$((index + 1))',
      'done',
    ].join('\n');
    const { stdout } = await run('sh', ['-c', script], { cwd: folder, env: plainGit });
    const codes = stdout.trim().split('\n').map(Number);
    assert.equal(codes.length, cases.length);
    assert.ok(
      codes.every(code => code >= 0 && code < 128),
      'git merged every case',
    );
    return await Promise.all(
      codes.map((code, index) => (code === 0 ? readFile(file(index, 'merged'), 'utf8') : undefined)),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function mergeNotes({ base, left, right }: Texts): MergedVersions | undefined {
  const note = (body: string) => ({ ...emptyContent('note', 'Note'), body });
  const merge = mergeVersions({
    base: { content: note(base), deleted: false },
    left: live(note(left), 1),
    right: live(note(right), 2),
    text: 'merge',
  });
  return merge.type === 'same' ? undefined : merge;
}

const emptyTally = () => ({
  cases: 0,
  'git: conflict': 0,
  'of these open': 0,
  'git: clean': 0,
  'same bytes, no question': 0,
  'same bytes, open': 0,
  'other bytes, no question': 0,
  'other bytes, open': 0,
  'later body, open': 0,
});
type Tally = ReturnType<typeof emptyTally>;

function tallyCase(tally: Tally, texts: Texts, byGit: string | undefined): void {
  const merge = mergeNotes(texts);
  const body = merge === undefined ? texts.left : merge.content.body;
  const open = merge?.open ?? false;
  tally.cases += 1;
  if (byGit === undefined) {
    tally['git: conflict'] += 1;
    if (open) tally['of these open'] += 1;
    return;
  }
  tally['git: clean'] += 1;
  if (body === byGit) tally[open ? 'same bytes, open' : 'same bytes, no question'] += 1;
  else if (merge?.keys.includes('body')) tally['later body, open'] += 1;
  else tally[open ? 'other bytes, open' : 'other bytes, no question'] += 1;
}

describe(`merging text beside git merge-file (SEED=${seed})`, function () {
  this.timeout(gitLimitMs);

  const cases = randomCases(caseCount);
  const tallies = new Map<Flavour, Tally>();
  const all = emptyTally();

  before(async () => {
    const byGit = await mergedByGit(cases);
    for (const [index, each] of cases.entries()) {
      const tally = tallies.get(each.flavour) ?? emptyTally();
      tallies.set(each.flavour, tally);
      tallyCase(tally, each, byGit[index]);
      tallyCase(all, each, byGit[index]);
    }
  });

  after(() => {
    console.table(Object.fromEntries([...tallies, ['all', all] as const]));
  });

  it('has cases of both kinds', () => {
    assert.equal(all.cases, caseCount);
    assert.ok(all['git: conflict'] > caseCount / 10);
    assert.ok(all['git: clean'] > caseCount / 10);
  });

  it('asks wherever git reports a conflict', () => {
    assert.equal(all['of these open'], all['git: conflict']);
  });

  it('gives the bytes of git, or asks, wherever git merges cleanly', () => {
    assert.equal(all['other bytes, no question'], 0);
  });

  it('gives the bytes of git where no lines repeat, and asks at most where lines moved', () => {
    const prose = tallies.get('prose');
    assert.ok(prose);
    assert.equal(prose['other bytes, open'] + prose['later body, open'], 0);
    assert.ok(prose['same bytes, open'] <= prose['git: clean'] / 100);
  });

  it('differs from git only in a few with repeated lines', () => {
    assert.ok(all['other bytes, open'] + all['later body, open'] <= all['git: clean'] / 10);
  });

  it('loses no line that a side added without asking', () => {
    let looked = 0;
    for (const each of cases) {
      const merge = mergeNotes(each);
      if (merge === undefined || merge.open) continue;
      assert.deepEqual(lostLines(each, merge.content.body), [], JSON.stringify(each));
      looked += 1;
    }
    assert.ok(looked > caseCount / 10, `only ${looked} merges asked nothing`);
  });
});
