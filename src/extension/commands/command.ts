import { commands, type Disposable } from 'vscode';
import type { Logger } from '../../base/logger';
import type { Messages } from '../host/messages';
import type { CommandId } from '../manifest';

/** Something that a person, or another program, can ask for. */
export interface Command {
  readonly id: CommandId;
  /** Errors that are expected are shown by the command itself; a throw is a mistake of ours. */
  run(...args: readonly unknown[]): Promise<unknown>;
}

export function registerCommand(command: Command, messages: Messages, logger: Logger): Disposable {
  return commands.registerCommand(command.id, async (...args: unknown[]) => {
    try {
      return await command.run(...args);
    } catch (error) {
      logger.error('a command failed by mistake', {
        command: command.id,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      messages.bug();
      throw error;
    }
  });
}
