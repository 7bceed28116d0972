import type { Command } from 'commander';
import * as z from 'zod';
import { ok, type Result } from '../base/result';
import type { Device, LocalDevice } from '../device/device';
import type { DeviceError } from '../device/deviceError';
import type { LockCheckJson } from '../device/json';
import type { Failure } from './failure';
import type { Page } from './page';
import type { Terminal } from './terminal';

/** What a command found or did: for a program, and for a person. */
export interface Answer {
  readonly json: unknown;
  /** Without a line end, which is added; empty to say nothing. */
  text(page: Page): string;
  /** True when the text is written as it is, byte for byte. */
  readonly isExact?: boolean;
  /** What was left undone although the rest was done: told as a failure is, and the exit code is its own. */
  readonly shortfall?: Failure;
  /** A line beside the answer, for a person. */
  readonly note?: string;
}

/** What a command is called with. */
export interface Call<Options> {
  readonly device: Device;
  readonly terminal: Terminal;
  readonly args: readonly string[];
  readonly options: Options;
  /** True when a program reads the answer. */
  readonly isJson: boolean;
}

/** What every command understands. */
export const commonOptionsSchema = z.object({
  home: z.string().optional(),
  json: z.boolean().optional(),
  verbose: z.boolean().optional(),
});
export type CommonOptions = z.infer<typeof commonOptionsSchema>;

export function declareCommonOptions(command: Command): Command {
  return command
    .option(
      '--home <dir>',
      'folder of this device (else SCRATCH_HOME, else the place for data of this system)',
    )
    .option('--json', 'print one JSON value and nothing else')
    .option('--verbose', 'say on standard error what is done: requests, steps of a sync, troubles');
}

/** The folder of this command's device. */
export interface Home {
  open(): Promise<Result<LocalDevice, DeviceError>>;
  /** Looks at the locks, one of which may keep the store from being opened. */
  checkLocks(options: { readonly mend: boolean }): Promise<Result<LockCheckJson, DeviceError>>;
}

/** One command of the terminal. */
export type CommandSpec<Options> = CommandShape<Options> & (OfDevice<Options> | OfHome<Options>);

interface OfDevice<Options> {
  run(call: Call<Options>): Promise<Result<Answer, Failure>>;
}

interface OfHome<Options> {
  /** Opens the device when it comes to that. */
  runAtHome(home: Home, options: Options): Promise<Result<Answer, Failure>>;
}

interface CommandShape<Options> {
  /** With its arguments, as `show <id>`. */
  readonly usage: string;
  readonly summary: string;
  /** Shown under the options by `--help`. */
  readonly help?: string;
  declare?(command: Command): Command;
  readonly schema: z.ZodType<Options>;
}

/** Runs a command that was parsed; given by the program, which owns the device and the output. */
export type Runner = <Options>(
  spec: CommandSpec<Options>,
  args: readonly string[],
  options: Options,
  common: CommonOptions,
) => Promise<void>;

/** Adds a command to the program. */
export function addCommand<Options>(program: Command, runner: Runner, spec: CommandSpec<Options>): void {
  const command = program.command(spec.usage).summary(spec.summary).description(spec.summary);
  spec.declare?.(command);
  declareCommonOptions(command);
  if (spec.help !== undefined) command.addHelpText('after', `\n${spec.help}`);
  command.action(async () => {
    const given: unknown = { ...program.opts(), ...command.opts() };
    await runner(spec, command.args, spec.schema.parse(command.opts()), commonOptionsSchema.parse(given));
  });
}

/** The value of a result as an answer. */
export function answer<T>(
  result: Result<T, Failure>,
  text: (value: T, page: Page) => string,
  json: (value: T) => unknown = value => value,
): Result<Answer, Failure> {
  if (!result.ok) return result;
  const { value } = result;
  return ok({ json: json(value), text: page => text(value, page) });
}
