import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { version } from '../../package.json';
import { systemCodeOf } from '../base/errors';
import { minuteMs } from '../base/time';
import { runNode } from './childProcess';
import { toolArguments } from './paths';

export const vsixName = `scratch-sync-${version}.vsix`;
/** What the extension is called in an editor: its publisher and name. */
export const extensionId = 'scratch-sync.scratch-sync';
/** The largest that the packaged extension may be. */
export const maxVsixBytes = 1.5 * 1024 * 1024;

/** The largest that the file may be that the extension loads when it is activated. */
const maxActivationBytes = 150 * 1024;
const activationFile = 'dist/extension.js';
const packLimitMs = 2 * minuteMs;

/** Packs what was built into a VSIX file. Throws what the packer said. */
export async function writeVsix(file: string): Promise<void> {
  const end = await runNode({
    args: toolArguments('@vscode/vsce/vsce', [
      ...['package', '--out', file, '--allow-missing-repository'],
      ...['--readme-path', 'docs/EXTENSION.md'], // the repository's leads to what is not in the VSIX
      '--no-rewrite-relative-links', // there is nothing that they could be rewritten to
      '--no-dependencies', // everything is in the bundles
    ]),
    output: 'keep',
    limitMs: packLimitMs,
  });
  if (end.code !== 0)
    throw new Error(`the extension could not be packed: ${end.broken ?? end.output.trim()}`);
}

/** What is wrong with the files of an unpacked extension and the size of its VSIX file; nothing when all is well. */
export async function vsixProblems(vsix: string, unpacked: string): Promise<readonly string[]> {
  const { size } = await stat(vsix);
  const activation = await sizeIfThere(path.join(unpacked, activationFile));
  const files = (await readdir(unpacked, { recursive: true, withFileTypes: true }))
    .filter(entry => entry.isFile())
    .map(entry => path.relative(unpacked, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'))
    .filter(name => !addedByInstaller.has(name));
  return [
    ...(size > maxVsixBytes ? [`it is ${size} bytes, and may be ${maxVsixBytes}`] : []),
    ...(activation > maxActivationBytes
      ? [`${activationFile} is ${activation} bytes, and may be ${maxActivationBytes}`]
      : []),
    ...files
      .filter(name => !mayContain.some(pattern => pattern.test(name)))
      .map(name => `it contains ${name}`),
    ...mustContain.filter(name => !files.includes(name)).map(name => `it lacks ${name}`),
    ...(await deadLinks(unpacked, files)),
  ];
}

/** Links of the pages to what the VSIX does not hold. */
async function deadLinks(unpacked: string, files: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const page of files.filter(name => name.endsWith('.md'))) {
    const text = await readFile(path.join(unpacked, page), 'utf8');
    for (const [, target = ''] of text.matchAll(relativeLink)) {
      const file = path.posix.join(path.posix.dirname(page), target);
      if (!files.includes(file)) found.push(`${page} links to ${target}, which it does not hold`);
    }
  }
  return found;
}

/** The target of a Markdown link or picture that names a file: no scheme before it, no anchor or title after it. */
const relativeLink = /\]\((?![a-z]+:|#)<?([^)\s#>]+)/gi;

async function sizeIfThere(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    (error: unknown) => {
      if (systemCodeOf(error) === 'ENOENT') return 0; // told as lacking
      throw error;
    },
  );
}

const addedByInstaller: ReadonlySet<string> = new Set(['.vsixmanifest']);

/** `vsce` spells the papers in lower case. */
const mustContain: readonly string[] = [
  'package.json',
  'package.nls.json',
  'readme.md',
  'changelog.md',
  'LICENSE.txt',
  activationFile,
  'dist/worker.js',
  'dist/sql-wasm.wasm',
  'dist/NOTICES.txt',
  'dist/scratchSync.d.ts',
];

const mayContain: readonly RegExp[] = [
  /^(package\.json|package\.nls(\.[a-z-]+)?\.json|readme\.md|changelog\.md|LICENSE\.txt)$/,
  /^dist\/(?!cli\.js|server\.js)[A-Za-z0-9-]+\.js$/,
  /^dist\/(sql-wasm\.wasm|NOTICES\.txt|scratchSync\.d\.ts)$/,
  /^l10n\/[^/]+\.json$/,
  /^media\/.+\.(svg|png|md)$/,
];
