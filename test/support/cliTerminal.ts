import { ok } from '../../src/base/result';
import { type OpenHome, runCommandLine } from '../../src/cli/program';
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
  device: LocalDevice | OpenHome,
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
  const open: OpenHome = typeof device === 'function' ? device : async () => ok(device);
  const exitCode = await runCommandLine(args, terminal, (home, services) => {
    homes.push(home);
    return open(home, services);
  });
  return { exitCode, ...written, homes, asked };
}

async function* piecesOf(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text, 'utf8');
}
