import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { systemCodeOf } from '../../src/base/errors';
import { minuteMs, secondMs, systemClock, systemTimers } from '../../src/base/time';
import { endOfLog, runOrExplain } from './commands';
import { HostError } from './hostError';
import type { ServerPaths } from './install';
import { stopGroup } from './processGroup';

/**
 * `direct` runs VS Code's own server: it starts faster. `wrapper` runs code-server around it, which keeps the key that
 * a browser seals its secrets with: a person's secrets survive a reload there, and are in memory under `direct`
 * (pages of `openWorkbench` are given a key in both).
 */
export type Runner = 'direct' | 'wrapper';

export interface WorkbenchOptions {
  /** Everything the server writes: user data, extensions, logs. One data folder is one device. */
  readonly dataDir: string;
  /** The folder that opens when an address names none. */
  readonly folder?: string;
  /** User settings, over {@link quietSettings}; written before every start. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Added to the environment of the server and so of its extension hosts. */
  readonly environment?: Readonly<Record<string, string>>;
  /** VSIX files to install before the start. */
  readonly extensions?: readonly string[];
  /** A free port is taken when none is given. */
  readonly port?: number;
  /** `direct` when not given. */
  readonly runner?: Runner;
  /**
   * Lets a page name an extension under development and its tests. Such a window shows no notification toasts, so it
   * is for tests inside the extension host alone. False when not given.
   */
  readonly testDriver?: boolean;
}

export interface WorkbenchServer {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** `127.0.0.1:<port>`, as in `vscode-remote://<authority>/path`. */
  readonly authority: string;
  readonly runner: Runner;
  readonly dataDir: string;
  /** Where extensions keep their data: `<this>/<publisher>.<name>` is one's `globalStorageUri`. */
  readonly globalStorageDir: string;
  readonly logFile: string;
  readonly processId: number;
  /** Ends the server and its extension hosts; resolves when all are gone. Idempotent. */
  stop(): Promise<void>;
}

/** Settings that keep a workbench still: no welcome, no chat, no updates, no questions. */
export const quietSettings: Readonly<Record<string, unknown>> = {
  'workbench.startupEditor': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'workbench.enableExperiments': false,
  'workbench.tips.enabled': false,
  'chat.disableAIFeatures': true,
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'git.openRepositoryInParentFolders': 'never',
  'remote.autoForwardPorts': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
};

/** Starts a workbench's server on the loopback address and waits until it answers. Throws {@link HostError}. */
export async function startWorkbench(host: ServerPaths, options: WorkbenchOptions): Promise<WorkbenchServer> {
  const data = dataFolders(options.dataDir);
  await mkdir(path.dirname(data.settingsFile), { recursive: true });
  const settings = { ...quietSettings, ...options.settings };
  await writeFile(data.settingsFile, `${JSON.stringify(settings, undefined, 2)}\n`);
  for (const vsix of options.extensions ?? []) await installExtension(host, options.dataDir, vsix);

  const port = options.port ?? (await freePort());
  const runner = options.runner ?? 'direct';
  const origin = `http://127.0.0.1:${port}`;
  const args = argumentsOf(host, data, runner, port, options);
  const log = await open(data.logFile, 'a');
  const child = spawn(host.node, args, {
    env: {
      ...environmentOfServer(),
      ...environmentOfRunner(runner, options.dataDir),
      ...options.environment,
    },
    stdio: ['ignore', log.fd, log.fd],
    detached: true, // a process group of its own, so that stopping reaches extension hosts too
  });
  await once(child, 'spawn');
  await log.close();
  const processId = child.pid;
  if (processId === undefined)
    throw new HostError(`The VS Code server did not start: ${host.node} has no process.`);
  const stop = stopGroup(processId, stopLimitMs);
  const health = `${origin}${runner === 'wrapper' ? '/healthz' : '/version'}`;
  const answered = await untilAnswered(health, () => child.exitCode !== null || child.signalCode !== null);
  if (answered !== 'answered') {
    await stop();
    throw new HostError(`The VS Code server ${answered}. ${await endOfLog(data.logFile)}`);
  }
  return {
    origin,
    authority: `127.0.0.1:${port}`,
    runner,
    dataDir: options.dataDir,
    globalStorageDir: data.globalStorage,
    logFile: data.logFile,
    processId,
    stop,
  };
}

/** Installs a VSIX file for the workbenches of `dataDir`, through VS Code's own command line. */
export async function installExtension(host: ServerPaths, dataDir: string, vsix: string): Promise<void> {
  const data = dataFolders(dataDir);
  await mkdir(dataDir, { recursive: true });
  await runOrExplain(`${path.basename(vsix)} could not be installed`, {
    file: host.node,
    args: [host.serverMain, '--install-extension', vsix, '--force', ...folderArguments(data), ...acceptTerms],
    folder: dataDir,
    environment: environmentOfServer(),
    logFile: data.logFile,
    limitMs: minuteMs,
  });
}

/** A port of the loopback address that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new HostError('No loopback port is to be had.');
  return address.port;
}

const startLimitMs = minuteMs;
const startPollMs = 50;
const stopLimitMs = 5 * secondMs;
/** An extension host outlives its page by this; the default is hours. */
const reconnectionGraceSeconds = 3;
const acceptTerms = ['--accept-server-license-terms', '--disable-telemetry'];

interface DataFolders {
  readonly userData: string;
  readonly serverData: string;
  readonly extensions: string;
  readonly settingsFile: string;
  readonly globalStorage: string;
  readonly logFile: string;
}

function dataFolders(dataDir: string): DataFolders {
  const userData = path.join(dataDir, 'user-data');
  return {
    userData,
    serverData: path.join(dataDir, 'server-data'),
    extensions: path.join(dataDir, 'extensions'),
    settingsFile: path.join(userData, 'User/settings.json'),
    globalStorage: globalStorageOf(dataDir),
    logFile: path.join(dataDir, 'server.log'),
  };
}

/** Where the extensions of a workbench will keep their data, by its data folder. */
export function globalStorageOf(dataDir: string): string {
  return path.join(dataDir, 'user-data/User/globalStorage');
}

function argumentsOf(
  host: ServerPaths,
  data: DataFolders,
  runner: Runner,
  port: number,
  options: WorkbenchOptions,
): readonly string[] {
  const grace = ['--reconnection-grace-time', String(reconnectionGraceSeconds)];
  const testDriver = options.testDriver ?? false;
  if (runner === 'direct') {
    return [
      ...[host.serverMain, '--host', '127.0.0.1', '--port', String(port), '--without-connection-token'],
      ...[...folderArguments(data), ...acceptTerms, ...grace, '--disable-workspace-trust'],
      ...(testDriver ? ['--enable-smoke-test-driver'] : []),
      ...(options.folder === undefined ? [] : ['--default-folder', options.folder]),
    ];
  }
  return [
    ...[wrapperOf(host), '--bind-addr', `127.0.0.1:${port}`, '--auth', 'none'],
    ...['--config', path.join(options.dataDir, 'code-server.yaml'), '--user-data-dir', data.userData],
    ...['--extensions-dir', data.extensions, ...grace, '--ignore-last-opened', '--disable-workspace-trust'],
    ...[
      '--disable-telemetry',
      '--disable-update-check',
      '--disable-getting-started-override',
      '--disable-proxy',
    ],
    ...(testDriver ? ['--vscode-option', 'enable-smoke-test-driver'] : []),
    ...(options.folder === undefined ? [] : [options.folder]),
  ];
}

function wrapperOf(host: ServerPaths): string {
  if (host.wrapperMain) return host.wrapperMain;
  throw new HostError(
    'This VS Code has no wrapper that runs without a native build; start it with the runner "direct".',
  );
}

function folderArguments(data: DataFolders): readonly string[] {
  return [
    ...['--server-data-dir', data.serverData, '--user-data-dir', data.userData],
    ...['--extensions-dir', data.extensions],
  ];
}

/** Ours without what an enclosing VS Code, npm or coverage run put there, and with no gallery to ask. */
function environmentOfServer(): NodeJS.ProcessEnv {
  const ofOthers = /^(VSCODE_|npm_|NODE_OPTIONS$|NODE_V8_COVERAGE$|CODE_SERVER_|PORT$|PASSWORD$)/;
  const own = Object.entries(process.env).filter(([name]) => !ofOthers.test(name));
  const noGallery = JSON.stringify({ serviceUrl: '', itemUrl: '', resourceUrlTemplate: '' });
  return { ...Object.fromEntries(own), EXTENSIONS_GALLERY: noGallery };
}

/** The wrapper keeps logs and a heartbeat in the person's home, whatever its data folder. */
function environmentOfRunner(runner: Runner, dataDir: string): NodeJS.ProcessEnv {
  return runner === 'wrapper' ? { XDG_DATA_HOME: path.join(dataDir, 'wrapper') } : {};
}

async function untilAnswered(url: string, hasEnded: () => boolean): Promise<'answered' | 'ended' | string> {
  const startedMs = systemClock.monotonic();
  while (systemClock.monotonic() - startedMs < startLimitMs) {
    if (hasEnded()) return 'ended at once';
    if (await answers(url)) return 'answered';
    await systemTimers.sleep(startPollMs);
  }
  return `did not answer within ${startLimitMs / secondMs} s`;
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5 * secondMs) });
    await response.text();
    return response.ok;
  } catch (error) {
    if (systemCodeOf(error) === 'ECONNREFUSED' || (error instanceof Error && error.name === 'TimeoutError'))
      return false;
    throw error;
  }
}
