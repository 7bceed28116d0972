import { applyEdits, modify, parse } from 'jsonc-parser';
import type { SeededRandom } from '../support/seededRandom';
import type { Token } from './tokens';

/** A line is added, changed or taken out; now and then everything is written anew. */
export function changedLines(body: string, random: SeededRandom, token: Token): string {
  const lines = body.split('\n');
  const at = random.int(0, lines.length);
  switch (random.weighted({ append: 3, insert: 3, replace: 4, remove: 1, rewrite: 0.5 })) {
    case 'append':
      return `${body}${body.endsWith('\n') || body === '' ? '' : '\n'}${token}\n`;
    case 'insert':
      return [...lines.slice(0, at), token, ...lines.slice(at)].join('\n');
    case 'replace':
      return [...lines.slice(0, at), `${lines[at]} ${token}`, ...lines.slice(at + 1)].join('\n');
    case 'remove':
      return [...lines.slice(0, at), ...lines.slice(at + 1)].join('\n');
    case 'rewrite':
      return `${token}\nwritten anew\n`;
  }
}

/** A key is set or taken out; now and then the text is left broken. */
export function changedConfig(body: string, random: SeededRandom, token: Token): string {
  const value: unknown = parse(body);
  if (value === null || typeof value !== 'object') return changedLines(body, random, token);
  const path = random.pick([['a'], ['b', 'c', 0], ['b', 'd'], ['e'], ['f', 'g']]);
  switch (random.weighted({ set: 6, remove: 2, break: 0.3 })) {
    case 'set':
      return edited(body, path, token);
    case 'remove':
      return edited(body, path.slice(0, 1), undefined);
    case 'break':
      return `${body}${token} {`;
  }
}

function edited(body: string, path: readonly (string | number)[], value: Token | undefined): string {
  try {
    const edits = modify(body, [...path], value, { formattingOptions: { insertSpaces: true, tabSize: 2 } });
    return applyEdits(body, edits);
  } catch {
    return `${body}\n// ${value ?? 'removed'}\n`; // the path leads through something that has no members
  }
}
