import { type Content, emptyContent } from '../../src/model/content';
import { fractionsFrom } from '../support/sqliteSeed';

/** Items like those of people: words by Zipf's law over a vocabulary, some identifiers, a title, tags and a folder. */
export interface SampleItems {
  next(): Content;
  /** What people look for in them: common and rare words, beginnings, pairs, phrases and identifiers. */
  queries(count: number): readonly string[];
}

const vocabularySize = 20_000;
const syllables =
  'ka re to min el sto con pre ver ing ion al er us mo di na pro com ti be s an de le ma ro vi gra shu plo ten wi';

export function sampleItems(seed: number, bodyBytes = 1024): SampleItems {
  const vocabulary = words();
  const totals: number[] = [];
  let total = 0;
  for (let rank = 0; rank < vocabulary.length; rank++) {
    total += 1 / (rank + zipfShift);
    totals.push(total);
  }
  const fraction = fractionsFrom(seed);
  const word = (): string => {
    const drawn = fraction() * total;
    let low = 0;
    for (let high = totals.length - 1; low < high; ) {
      const middle = (low + high) >> 1;
      if ((totals[middle] ?? 0) < drawn) low = middle + 1;
      else high = middle;
    }
    return vocabulary[low] ?? 'word';
  };
  const identifier = () => `${word()}${capital(word())}${fraction() < 0.3 ? `_${word()}` : ''}`;
  const text = (): string => {
    let written = '';
    while (written.length < bodyBytes) {
      written += fraction() < 0.05 ? identifier() : word();
      written += fraction() < 0.08 ? '\n' : ' ';
    }
    return written;
  };
  return {
    next: () => ({
      ...emptyContent('note', `${capital(word())} ${word()} ${identifier()}`),
      body: text(),
      tags: [word(), word()].sort(),
      folder: `folder ${Math.floor(fraction() * 20)}`,
    }),
    queries: count =>
      Array.from({ length: count }, (_, index) => {
        const shapes: readonly (() => string)[] = [
          () => `${word()} `,
          () => word().slice(0, 4),
          () => word().slice(0, 3),
          () => `${word()} ${word()}`,
          () => `${word()} ${word().slice(0, 4)}`,
          () => `"${word()} ${word()}"`,
          () => identifier(),
          () => word().slice(0, 2),
          () => vocabulary[Math.floor(fraction() * vocabularySize)] ?? '',
        ];
        return shapes[index % shapes.length]?.() ?? '';
      }),
  };
}

const zipfShift = 2.7;
const vocabularySeed = 7;

function words(): readonly string[] {
  const fraction = fractionsFrom(vocabularySeed);
  const parts = syllables.split(' ');
  const found = new Set<string>();
  while (found.size < vocabularySize) {
    const count = 1 + Math.floor(fraction() * 4);
    const letters = Array.from({ length: count }, () => parts[Math.floor(fraction() * parts.length)]).join(
      '',
    );
    found.add(found.has(letters) ? letters + found.size.toString(36) : letters);
  }
  return [...found];
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
