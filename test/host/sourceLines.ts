import { readFile } from 'node:fs/promises';
import { SourceMap, type SourceMapping } from 'node:module';
import path from 'node:path';
import { repositoryFolder } from './folders';

/**
 * The stack with the places of one bundled script turned into places of its sources, relative to the repository.
 * VS Code formats stacks itself, so Node's own heed of source maps does not reach them.
 */
export async function withSourceLines(stack: string, script: string): Promise<string> {
  const map = new SourceMap(JSON.parse(await readFile(`${script}.map`, 'utf8')));
  return stack.replace(
    /\(?([^\s(]+\.js):(\d+):(\d+)\)?/g,
    (place: string, file: string, line: string, column: string) => {
      if (path.resolve(repositoryFolder, file) !== script) return place;
      const entry: Partial<SourceMapping> = map.findEntry(Number(line) - 1, Number(column) - 1);
      const { originalSource, originalLine = 0, originalColumn = 0 } = entry;
      if (originalSource === undefined) return place;
      const source = path.relative(repositoryFolder, path.resolve(path.dirname(script), originalSource));
      return `(${source}:${originalLine + 1}:${originalColumn + 1})`;
    },
  );
}
