/**
 * Selected code as the body of a snippet: what VS Code's snippet syntax would read as its own is escaped, and the
 * indentation that all lines share goes.
 */
export function snippetFromCode(code: string): string {
  const lines = code.split(/\r?\n/);
  const indents = lines.filter(line => line.trim() !== '').map(line => /^\s*/.exec(line)?.[0] ?? '');
  const shared = indents.reduce((left, right) => commonStart(left, right), indents[0] ?? '');
  return lines
    .map(line => escaped(line.startsWith(shared) ? line.slice(shared.length) : line.trimStart()))
    .join('\n');
}

/** Names by which a snippet completes, as a person writes them: separated by commas or blanks. */
export function prefixesOf(text: string): readonly string[] {
  return [...new Set(text.split(/[,\s]+/).filter(prefix => prefix !== ''))];
}

/** Tags as a person writes them: separated by commas, with or without `#`. */
export function tagsOf(text: string): readonly string[] {
  const tags = text.split(',').map(tag => tag.trim().replace(/^#/, ''));
  return [...new Set(tags.filter(tag => tag !== ''))];
}

function escaped(line: string): string {
  return line.replace(/[\\$}]/g, '\\$&');
}

function commonStart(left: string, right: string): string {
  let length = 0;
  while (length < left.length && left[length] === right[length]) length += 1;
  return left.slice(0, length);
}
