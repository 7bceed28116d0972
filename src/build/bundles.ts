import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { systemCodeOf } from '../base/errors';
import { LazyParts } from './lazyParts';
import { noticesOf } from './notices';
import { distFolder, repositoryFolder, sourceFolder } from './paths';
import { removeStrays, temporaryFor } from './strays';

interface Bundle {
  readonly name: string;
  readonly entry: string;
  /** A command of a terminal: it gets a first line that names its interpreter, and may be executed. */
  readonly isCommand: boolean;
}

const bundles: readonly Bundle[] = [
  { name: 'extension', entry: 'src/extension/activate.ts', isCommand: false },
  { name: 'worker', entry: 'src/device/worker/worker.ts', isCommand: false },
  { name: 'cli', entry: 'src/cli/main.ts', isCommand: true },
  { name: 'server', entry: 'src/server/main.ts', isCommand: true },
];

export const bundleNames: readonly string[] = bundles.map(({ name }) => name);

const wasmName = 'sql-wasm.wasm';
const noticesName = 'NOTICES.txt';
/** The types of the API for other extensions. */
const apiTypes = path.join(sourceFolder, 'extension/api/scratchSync.d.ts');

/** What one file of `dist/` is made of. */
export interface BuiltFile {
  readonly file: string;
  readonly metafile: Metafile;
}

/** Writes everything that ships into `dist/` and removes what else is there. Throws when something does not compile. */
export async function buildAll(): Promise<readonly BuiltFile[]> {
  const built = await buildSome(bundleNames);
  const copied = [wasmName, noticesName, path.basename(apiTypes)];
  const shipped = new Set([...built.map(({ file }) => path.basename(file)), ...copied]);
  await removeStrays(distFolder, shipped);
  return built;
}

/** Writes the bundles of the given names, and what they need, into `dist/`. */
export async function buildSome(names: readonly string[]): Promise<readonly BuiltFile[]> {
  await mkdir(distFolder, { recursive: true });
  const parts = new LazyParts(sourceFolder);
  const wanted = bundles.filter(({ name }) => names.includes(name));
  const built = await Promise.all(
    wanted.map(({ name, entry, isCommand }) =>
      buildOne(name, path.join(repositoryFolder, entry), isCommand, parts),
    ),
  );
  const done = new Set<string>();
  for (let todo = [...parts.entries]; todo.length > 0; ) {
    for (const [name, entry] of todo) {
      done.add(name);
      built.push(await buildOne(name, entry, false, parts));
    }
    todo = [...parts.entries].filter(([name]) => !done.has(name));
  }
  const wasm = await readFile(require.resolve(`sql.js/dist/${wasmName}`));
  await writeIfChanged(path.join(distFolder, wasmName), wasm);
  await writeIfChanged(path.join(distFolder, path.basename(apiTypes)), await readFile(apiTypes));
  const notices = await noticesOf(built.map(({ metafile }) => metafile));
  await writeIfChanged(path.join(distFolder, noticesName), Buffer.from(notices));
  return built;
}

async function buildOne(
  name: string,
  entry: string,
  isCommand: boolean,
  parts: LazyParts,
): Promise<BuiltFile> {
  const file = path.join(distFolder, `${name}.js`);
  const { metafile, outputFiles } = await build({
    ...commonOptions,
    entryPoints: [entry],
    outfile: file,
    plugins: [parts.plugin],
    ...(isCommand ? { banner: { js: '#!/usr/bin/env node' } } : {}),
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error(`esbuild gave nothing for ${entry}`);
  await writeIfChanged(file, output.contents, isCommand ? 0o755 : 0o644);
  return { file, metafile };
}

/**
 * Leaves a file alone that is as it must be, and replaces another at once, so that a build does no harm to a process
 * that is just reading what it builds.
 */
async function writeIfChanged(file: string, contents: Uint8Array, mode = 0o644): Promise<void> {
  const present = await readFile(file).catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (present?.equals(contents)) return;
  const temporary = temporaryFor(file);
  await writeFile(temporary, contents, { mode });
  await rename(temporary, file);
}

const commonOptions = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  minify: true,
  keepNames: false,
  legalComments: 'none', // the notices of all packages are in one file
  metafile: true,
  write: false,
  external: ['vscode'],
  supported: { 'dynamic-import': false }, // parts are CommonJS: `require` loads them in every host
  mainFields: ['module', 'main'], // the ES modules of a package drop what is not used
  logLevel: 'warning',
} as const satisfies BuildOptions;
