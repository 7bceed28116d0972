import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { writeVsix } from '../../../src/build/vsix';
import { extensionId } from '../../../src/extension/manifest';
import { freePort, type ServerProcess, scratch, startServer } from '../../support/processes';
import { launchBrowser } from '../browser';
import { packFixture } from '../fixtureVsix';
import { ensureHost, type HostPaths } from '../install';
import { startWorkbench, type WorkbenchServer } from '../server';

export const login = 'ada';
export const password = 'correct horse battery staple';

/** A workbench that is one device. */
export interface Machine {
  readonly name: string;
  readonly workbench: WorkbenchServer;
  /** The folder of its store: also a home for the terminal. */
  readonly home: string;
}

export interface MachineOptions {
  /** Names of extensions of `test/host/fixtures` to install beside ours. */
  readonly fixtures?: readonly string[];
  /** For the extension hosts. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** What a test of real windows needs: a browser, the packed extension, a server that can go away, and machines. */
export class Stage {
  readonly browser: Browser;
  readonly serverUrl: string;
  readonly #host: HostPaths;
  /** Where all of it lies; a test may put its own files there. */
  readonly folder: string;
  readonly #machines: Machine[] = [];
  #server: ServerProcess | undefined;
  #formerLogs = '';

  private constructor(host: HostPaths, folder: string, browser: Browser, port: number) {
    this.#host = host;
    this.folder = folder;
    this.browser = browser;
    this.serverUrl = `http://127.0.0.1:${port}`;
  }

  static async set(): Promise<Stage> {
    const host = await ensureHost();
    const folder = await mkdtemp(path.join(tmpdir(), 'scratch-ui-'));
    await writeVsix(path.join(folder, 'extension.vsix'));
    const stage = new Stage(host, folder, await launchBrowser(host), await freePort());
    await stage.startServer();
    return stage;
  }

  /** A workbench with the extension. Signed in by the terminal when `account` says so, else left to its person. */
  async addMachine(
    name: string,
    account: 'signUp' | 'signIn' | 'none',
    options: MachineOptions = {},
  ): Promise<Machine> {
    const dataDir = path.join(this.folder, name);
    const home = path.join(dataDir, 'user-data/User/globalStorage', extensionId);
    const secrets = path.join(home, 'secrets');
    const project = path.join(this.folder, `${name}-project`);
    await mkdir(project);
    if (account !== 'none') {
      const command = account === 'signUp' ? 'sign-up' : 'sign-in';
      const who = ['--server', this.serverUrl, '--login', login, '--device', name];
      await this.terminal(home, [command, ...who]);
    }
    const fixtures = await Promise.all(
      (options.fixtures ?? []).map(fixture => packFixture(fixture, this.folder)),
    );
    const workbench = await startWorkbench(this.#host, {
      dataDir,
      folder: project,
      settings: { 'files.autoSave': 'off', 'scratchSync.server.url': this.serverUrl },
      environment: {
        ...(account === 'none' ? {} : { SCRATCH_SECRETS_FOLDER: secrets }),
        ...options.environment,
      },
      extensions: [path.join(this.folder, 'extension.vsix'), ...fixtures],
    });
    const machine = { name, workbench, home };
    this.#machines.push(machine);
    return machine;
  }

  /** Runs `scratch` on a machine's store, or on any other home, and answers what it printed. */
  async terminal(home: string, args: readonly string[]): Promise<string> {
    const ended = await scratch(home, args, { environment: { SCRATCH_PASSWORD: password } });
    assert.equal(ended.exitCode, 0, `scratch ${args.join(' ')}: ${ended.errors}`);
    return ended.out;
  }

  /** Everything that the server has logged, over its restarts. */
  serverLog(): string {
    return `${this.#formerLogs}${this.#server?.printed() ?? ''}`;
  }

  /** How many requests of this kind the server has logged. */
  requests(method: string, route: string): number {
    const mark = `"method":"${method}","route":"${route}"`;
    return this.serverLog().split(mark).length - 1;
  }

  async startServer(): Promise<void> {
    const { port } = new URL(this.serverUrl);
    this.#server = await startServer(path.join(this.folder, 'server'), { PORT: port, SIGN_UP: 'open' });
  }

  async stopServer(): Promise<void> {
    await this.#server?.stop();
    this.#formerLogs = this.serverLog();
    this.#server = undefined;
  }

  async strike(): Promise<void> {
    await this.browser.close();
    await Promise.all(this.#machines.map(({ workbench }) => workbench.stop()));
    await this.stopServer();
    await rm(this.folder, { recursive: true, force: true });
  }
}
