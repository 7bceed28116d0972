import { Command, CommanderError } from 'commander';
import { version } from '../../package.json';
import { messageOf } from '../base/errors';
import { type Logger, lineText, loggerOf, silentLogger } from '../base/logger';
import type { LocalDevice } from '../device/device';
import { addAccountCommands } from './accountCommands';
import { declareCommonOptions, type Home, type Runner } from './command';
import { addConflictCommands } from './conflictCommands';
import { type ExitCode, exitCodeOf, exitCodes, withCommands } from './failure';
import { homeFolder } from './home';
import { addItemCommands } from './itemCommands';
import { type Output, outputTo } from './output';
import { addSyncCommands } from './syncCommands';
import type { Terminal } from './terminal';
import { addUpkeepCommands } from './upkeepCommands';

/** Answers what can be done at a home folder; nothing is opened yet. */
export type FindHome = (
  folder: string,
  services: {
    readonly logger: Logger;
    /** For what a person should hear beside the answer. */
    readonly note: (message: string) => void;
  },
) => Home;

/** Runs one command line, without the names of node and the script, and answers the exit code. */
export async function runCommandLine(
  args: readonly string[],
  terminal: Terminal,
  findHome: FindHome,
): Promise<ExitCode> {
  // What the parsed options say counts; until they are known, and when they cannot be parsed, the words do.
  let output = outputTo(terminal, args.includes('--json'));
  let exitCode: ExitCode = exitCodes.done;
  const runner: Runner = async (spec, positional, options, common) => {
    const isJson = common.json ?? false;
    output = outputTo(terminal, isJson);
    const folder = homeFolder(common.home, terminal.environment);
    const logger = common.verbose ? loggerTo(output) : silentLogger;
    logger.debug('scratch', { version, node: process.version, platform: process.platform });
    const home = findHome(folder, { logger, note: output.note });
    let device: LocalDevice | undefined;
    const open = async () => {
      const opened = await home.open();
      if (opened.ok) device = opened.value;
      return opened;
    };
    const run = async () => {
      if ('runAtHome' in spec) return spec.runAtHome({ ...home, open }, options);
      const opened = await open();
      return opened.ok
        ? spec.run({ device: opened.value, terminal, args: positional, options, isJson })
        : opened;
    };
    try {
      const result = await run();
      if (result.ok) output.answer(result.value);
      else output.fail(withCommands(result.error));
      const failed = result.ok ? result.value.shortfall : result.error;
      exitCode = failed === undefined ? exitCodes.done : exitCodeOf(failed.code);
      // A command that failed may have met a store on which nothing can be done now.
      if (result.ok) await device?.housekeeping.round();
    } finally {
      await device?.close();
    }
  };
  try {
    await programFor(terminal, runner).parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return endOfParsing(error, output);
    output.fail({ code: 'internal', message: `Something went wrong that should not: ${messageOf(error)}` });
    if (args.includes('--verbose') && error instanceof Error) terminal.errors.write(`${error.stack}\n`);
    return exitCodes.failed;
  }
}

/** `scratch --help` in full. */
function programFor(terminal: Terminal, runner: Runner): Command {
  const program = new Command('scratch')
    .description(
      'Snippets, notes and config on every machine you code on: local first, end-to-end encrypted.',
    )
    .version(version)
    .exitOverride()
    .enablePositionalOptions()
    .configureHelp({ subcommandTerm: nameAndArguments })
    .configureOutput({
      writeOut: text => terminal.out.write(text),
      writeErr: () => undefined, // told once, by the output
      getOutHelpWidth: () => terminal.out.columns,
    })
    .helpCommand('help [command]', 'show the help of a command')
    .addHelpText('after', programHelp);
  declareCommonOptions(program);
  program.commandsGroup('Items:');
  addItemCommands(program, runner);
  program.commandsGroup('Sync:');
  addSyncCommands(program, runner);
  addConflictCommands(program, runner);
  program.commandsGroup('Account:');
  addAccountCommands(program, runner);
  program.commandsGroup('Upkeep:');
  addUpkeepCommands(program, runner);
  return program;
}

/** As `show <id>`: that every command has options need not be said of each. */
function nameAndArguments(command: Command): string {
  const names = command.registeredArguments.map(argument => {
    const name = argument.variadic ? `${argument.name()}...` : argument.name();
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [command.name(), ...names].join(' ');
}

const programHelp = `
Ids may be shortened as long as they stay unique.
Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 server not reachable
(nothing lost, changes wait), 4 not signed in or credentials refused.`;

/** Help and the version have been printed; anything else is wrong usage. */
function endOfParsing(error: CommanderError, output: Output): ExitCode {
  if (error.exitCode === 0) return exitCodes.done;
  const said = error.message.replace(/^error: /, '');
  const message =
    error.code === 'commander.help' ? 'Name a command: scratch --help lists them.' : sentence(said);
  output.fail({ code: 'usage', message });
  return exitCodes.badInput;
}

function sentence(text: string): string {
  const start = text.slice(0, 1).toUpperCase() + text.slice(1);
  return /[.?!)]$/.test(start) ? start : `${start}. See --help.`;
}

function loggerTo(output: Output): Logger {
  return loggerOf((level, message, fields) => output.note(`${level} ${lineText(message, fields)}`));
}
