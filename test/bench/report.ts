/** A part of the benchmark's report. */
export interface Section {
  readonly title: string;
  readonly text: string;
  readonly tables: readonly Table[];
}

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The sections as Markdown, to be put into a page. */
export function markdownReport(intro: string, sections: readonly Section[]): string {
  const parts = sections.map(({ title, text, tables }) =>
    [`## ${title}`, text, ...tables.filter(table => table.rows.length > 0).map(markdownTable)].join('\n\n'),
  );
  return [intro, ...parts].join('\n\n');
}

function markdownTable({ head, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
