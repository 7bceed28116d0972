import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Metafile } from 'esbuild';
import * as z from 'zod';
import { repositoryFolder } from './paths';

const manifestSchema = z.looseObject({ name: z.string(), version: z.string(), license: z.string() });

/** The licences of all packages that the bundles contain, which those licences ask to be passed on. */
export async function noticesOf(metafiles: readonly Metafile[]): Promise<string> {
  const folders = new Set(
    metafiles.flatMap(metafile => Object.keys(metafile.inputs)).flatMap(input => packageFolder(input) ?? []),
  );
  folders.add('node_modules/sql.js'); // its wasm file is copied
  const notices = await Promise.all([...folders].sort().map(noticeOf));
  return `${intro}\n\n${notices.join('\n\n')}\n`;
}

const intro =
  'Scratch Sync contains these packages. Each stands under its own licence, given below its name.';

/** `node_modules/@scope/name` of a bundled file; undefined for our own sources. */
function packageFolder(input: string): string | undefined {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
}

async function noticeOf(folder: string): Promise<string> {
  const absolute = path.join(repositoryFolder, folder);
  const manifest = manifestSchema.parse(
    JSON.parse(await readFile(path.join(absolute, 'package.json'), 'utf8')),
  );
  const files = (await readdir(absolute)).filter(name => /^(licen[cs]e|copying)/i.test(name)).sort();
  const texts = await Promise.all(files.map(name => readFile(path.join(absolute, name), 'utf8')));
  const title = `== ${manifest.name} ${manifest.version} (${manifest.license})`;
  return [title, ...texts.map(text => text.trim())].join('\n\n');
}
