import assert from 'node:assert/strict';
import { ok } from '../../src/base/result';
import type { Home } from '../../src/cli/command';
import { runCommandLine } from '../../src/cli/program';
import type { Terminal } from '../../src/cli/terminal';
import type { LocalDevice } from '../../src/device/device';

export interface CommandRun {
  readonly exitCode: number;
  readonly out: string;
  readonly errors: string;
  /** Homes that were opened. */
  readonly homes: readonly string[];
  /** Questions that were asked at the prompt. */
  readonly asked: readonly string[];
}

export interface World {
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** What a person types at the prompts; none means that there is no terminal. */
  readonly typed?: readonly (string | undefined)[];
  readonly isTerminal?: boolean;
  readonly columns?: number;
}

/** Runs a command line over a device that is given, on a terminal that is not there. */
export async function runScratch(
  device: LocalDevice | Partial<Home>,
  args: readonly string[],
  world: World = {},
): Promise<CommandRun> {
  const written = { out: '', errors: '' };
  const homes: string[] = [];
  const asked: string[] = [];
  const typed = [...(world.typed ?? [])];
  const sink = (stream: 'out' | 'errors') => ({
    write: (text: string) => {
      written[stream] += text;
    },
    isTerminal: world.isTerminal ?? false,
    columns: world.columns ?? 80,
  });
  const terminal: Terminal = {
    environment: world.environment ?? {},
    out: sink('out'),
    errors: sink('errors'),
    input: {
      isTerminal: world.typed !== undefined,
      pieces: piecesOf(world.input ?? ''),
      askSecret: async question => {
        asked.push(question);
        return typed.shift();
      },
    },
  };
  const home: Home = {
    open: async () => ('items' in device ? ok(device) : assert.fail('not to be opened')),
    checkLocks: async () => ok({ findings: [], isStoreLocked: false }),
    ...('items' in device ? {} : device),
  };
  const exitCode = await runCommandLine(args, terminal, folder => {
    homes.push(folder);
    return home;
  });
  return { exitCode, ...written, homes, asked };
}

async function* piecesOf(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text, 'utf8');
}
