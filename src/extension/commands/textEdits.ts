import { Range, type TextDocument, WorkspaceEdit, workspace } from 'vscode';

/** Replaces whole lines, the last included, by others; the text after them stays where its line began. */
export async function replaceLines(
  document: TextDocument,
  { startLine, endLine }: { readonly startLine: number; readonly endLine: number },
  lines: readonly string[],
): Promise<void> {
  const isLast = endLine + 1 >= document.lineCount;
  const range = isLast
    ? new Range(startLine, 0, endLine, document.lineAt(endLine).text.length)
    : new Range(startLine, 0, endLine + 1, 0);
  const edit = new WorkspaceEdit();
  edit.replace(document.uri, range, lines.map(line => `${line}\n`).join(''));
  await workspace.applyEdit(edit);
}
