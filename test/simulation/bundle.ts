import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { repositoryFolder } from '../../src/build/paths';

/** A text of the engine, and what stands in its place in a mutant. */
export interface Replacement {
  /** Below `src`. */
  readonly file: string;
  readonly text: string;
  readonly by: string;
}

/**
 * Bundles the simulator, with the engine as it is or with texts of it replaced. It lies where it finds the packages.
 * Throws when a text is not in its file exactly once.
 * @returns the path of a script for node
 */
export async function bundleSimulator(
  name: string,
  replacements: readonly Replacement[] = [],
): Promise<string> {
  const file = join(repositoryFolder, 'node_modules', '.cache', 'simulation', `${name}.cjs`);
  await build({
    entryPoints: [join(repositoryFolder, 'test', 'simulation', 'child.ts')],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'error',
    plugins: [replacing(replacements)],
  });
  return file;
}

function replacing(replacements: readonly Replacement[]): Plugin {
  return {
    name: 'replacing',
    setup(bundling) {
      bundling.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
        const wanted = replacements.filter(({ file }) => path === join(repositoryFolder, 'src', file));
        if (wanted.length === 0) return undefined;
        const source = await readFile(path, 'utf8');
        return { loader: 'ts', contents: wanted.reduce(replaced, source) };
      });
    },
  };
}

function replaced(source: string, { file, text, by }: Replacement): string {
  const parts = source.split(text);
  if (parts.length !== 2) throw new Error(`src/${file} has ${parts.length - 1} times, not once: ${text}`);
  return parts.join(by);
}
