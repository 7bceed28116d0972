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

/** The sections as a Markdown page. */
export function markdownReport(
  intro: { readonly title: string; readonly lines: readonly string[] },
  sections: readonly Section[],
): string {
  const parts = sections.map(({ title, text, tables }) =>
    [`## ${title}`, text, ...tables.filter(table => table.rows.length > 0).map(markdownTable)].join('\n\n'),
  );
  return `${[`# ${intro.title}`, intro.lines.join('\n'), ...parts].join('\n\n')}\n`;
}

/** A table for a terminal. */
export function plainTable({ head, rows }: Table): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map(row => row[column]?.length ?? 0)),
  );
  return [head, ...rows]
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function markdownTable({ head, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
