import fc from 'fast-check';

/** fast-check prints the seed of a failure; SEED replays it. */
export const seedParameters = process.env['SEED'] === undefined ? {} : { seed: Number(process.env['SEED']) };

/** Generous: a bound on a test that hangs, not a measurement. */
export const propertyLimitMs = 60_000;

/** A base and two texts made from it. */
export interface Texts {
  readonly base: string;
  readonly left: string;
  readonly right: string;
}

/** Some lines that repeat everywhere and some that do not. */
const line = fc.oneof(
  fc.constantFrom('', '}', '- item', 'a', 'b', 'c'),
  fc.integer({ min: 0, max: 999 }).map(number => `line ${number}`),
);

interface Edit {
  readonly at: number;
  readonly removed: number;
  readonly added: readonly string[];
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(30),
  removed: fc.nat(3),
  added: fc.array(line, { maxLength: 3 }),
});

function edited(lines: readonly string[], edits: readonly Edit[]): readonly string[] {
  return edits.reduce((current, { at, removed, added }) => {
    const place = current.length === 0 ? 0 : at % (current.length + 1);
    return current.toSpliced(place, removed, ...added);
  }, lines);
}

const asText = (lines: readonly string[], final: boolean) => lines.join('\n') + (final ? '\n' : '');

export const texts: fc.Arbitrary<Texts> = fc
  .record({
    base: fc.array(line, { maxLength: 30 }),
    left: fc.array(edit, { maxLength: 4 }),
    right: fc.array(edit, { maxLength: 4 }),
    finals: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
  })
  .map(({ base, left, right, finals }) => ({
    base: asText(base, finals[0]),
    left: asText(edited(base, left), finals[1]),
    right: asText(edited(base, right), finals[2]),
  }));

/**
 * The lines that a side added and that a merge lost: of those that the base does not have, so that no side can have
 * removed one, as often as the side has them that has more of them.
 */
export function lostLines({ base, left, right }: Texts, merged: string): readonly string[] {
  const [inBase, inLeft, inRight, inMerged] = [base, left, right, merged].map(countLines);
  const added = [...new Set([...(inLeft?.keys() ?? []), ...(inRight?.keys() ?? [])])].filter(
    text => !inBase?.has(text),
  );
  return added.filter(
    text => (inMerged?.get(text) ?? 0) < Math.max(inLeft?.get(text) ?? 0, inRight?.get(text) ?? 0),
  );
}

function countLines(text: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const each of text.split('\n')) counts.set(each, (counts.get(each) ?? 0) + 1);
  counts.delete(''); // the end of the text counts as an empty line
  return counts;
}
