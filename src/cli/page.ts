import type { TextSink } from './terminal';

/** How text is laid out for a person: its width, and colours where a terminal shows them. */
export interface Page {
  readonly columns: number;
  readonly paint: Paint;
  /** True when a person reads it as it is written: then nothing in it may steer the terminal. */
  readonly isTerminal: boolean;
}

export type Tone = 'strong' | 'quiet' | 'good' | 'warning' | 'bad';
export type Paint = (tone: Tone, text: string) => string;

export interface Column {
  readonly title: string;
  /** Gives way first when the row is too wide. One column of a table at most. */
  readonly stretches?: boolean;
  readonly alignRight?: boolean;
}

/** A cell: its text, and optionally the tone of its whole. */
export type Cell = string | { readonly text: string; readonly tone: Tone };

/** The page of a stream. Colours only on a terminal, and not where `NO_COLOR` is set (no-color.org). */
export function pageOf(sink: TextSink, environment: Readonly<Record<string, string | undefined>>): Page {
  const isColoured = sink.isTerminal && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb';
  return {
    columns: sink.isTerminal ? Math.max(sink.columns, minColumns) : defaultColumns,
    paint: (tone, text) => (isColoured ? `\u001b[${ansiCodes[tone]}m${text}\u001b[0m` : text),
    isTerminal: sink.isTerminal,
  };
}

/** Rows under titles, no wider than the page: the column that stretches is cut with an ellipsis. */
export function table(page: Page, columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map(row => row.map(cell => plain(textOf(cell))));
  const natural = columns.map(({ title }, index) =>
    Math.max(title.length, ...texts.map(row => displayWidth(row[index] ?? ''))),
  );
  const room = page.columns - gap.length * (columns.length - 1);
  const excess = natural.reduce((sum, width) => sum + width, 0) - room;
  const widths = natural.map((width, index) =>
    columns[index]?.stretches && excess > 0 ? Math.max(minStretch, width - excess) : width,
  );
  const line = (cells: readonly Cell[]) =>
    columns
      .map(({ alignRight }, index) => {
        const cell = cells[index] ?? '';
        const text = fitted(plain(textOf(cell)), widths[index] ?? 0, alignRight ?? false);
        return typeof cell === 'string' ? text : page.paint(cell.tone, text);
      })
      .join(gap)
      .trimEnd();
  const titles = columns.map(({ title }) => ({ text: title, tone: 'quiet' as const }));
  return [titles, ...rows].map(line).join('\n');
}

/** Names and values below each other; those without a value are left out. */
export function facts(page: Page, entries: readonly (readonly [string, Cell | undefined])[]): string {
  const shown = entries.flatMap(([name, value]) =>
    value === undefined || textOf(value) === '' ? [] : [{ name, value }],
  );
  const width = Math.max(0, ...shown.map(({ name }) => name.length));
  return shown
    .map(({ name, value }) => {
      const text = plain(textOf(value));
      const painted = typeof value === 'string' ? text : page.paint(value.tone, text);
      return `${page.paint('quiet', name.padEnd(width))}  ${painted}`;
    })
    .join('\n');
}

/** Text of one line in which nothing steers a terminal: what others wrote comes from other machines. */
export function plain(text: string): string {
  return harmless(text.replace(/\s+/g, ' '));
}

/** Without what steers a terminal, be it by moving its cursor or by turning the direction of what follows. */
export function harmless(text: string): string {
  return text.replace(controls, '\ufffd');
}

/** A text of several lines as a terminal may show it. */
export function shown(page: Page, text: string): string {
  return page.isTerminal ? text.replace(controlsButLines, '\ufffd') : text;
}

/** The local time of an ISO 8601 instant, to the minute; `whole` also with seconds. */
export function localTime(iso: string, whole = false): string {
  const at = new Date(iso);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  return whole ? `${day} ${time}:${two(at.getSeconds())}` : `${day} ${time}`;
}

const defaultColumns = 80;
const minColumns = 40;
const minStretch = 12;
const gap = '  ';
const ellipsis = '…';
const ansiCodes: Readonly<Record<Tone, string>> = {
  strong: '1',
  quiet: '2',
  good: '32',
  warning: '33',
  bad: '31',
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const controls = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const controlsButLines = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;
const wide =
  /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Emoji_Presentation}/u;
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}

function graphemesOf(text: string): readonly string[] {
  return [...graphemes.segment(text)].map(({ segment }) => segment);
}

function widthOf(grapheme: string): number {
  return wide.test(grapheme) ? 2 : 1;
}

function displayWidth(text: string): number {
  return graphemesOf(text).reduce((sum, grapheme) => sum + widthOf(grapheme), 0);
}

function fitted(text: string, width: number, alignRight: boolean): string {
  const natural = displayWidth(text);
  if (natural <= width) {
    const padding = ' '.repeat(width - natural);
    return alignRight ? padding + text : text + padding;
  }
  let used = ellipsis.length;
  let kept = '';
  for (const grapheme of graphemesOf(text)) {
    used += widthOf(grapheme);
    if (used > width) break;
    kept += grapheme;
  }
  return fitted(kept.trimEnd() + ellipsis, width, alignRight);
}
