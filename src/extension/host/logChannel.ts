import type { LogOutputChannel } from 'vscode';
import type { LogField, Logger, LogLine } from '../../base/logger';

/** The extension's log channel, whose level a person sets in the editor. */
export function channelLogger(channel: LogOutputChannel): Logger {
  const line =
    (write: (message: string) => void): LogLine =>
    (message, fields) =>
      write(fields ? `${message} ${textOf(fields)}`.trimEnd() : message);
  return {
    debug: line(message => channel.debug(message)),
    info: line(message => channel.info(message)),
    warn: line(message => channel.warn(message)),
    error: line(message => channel.error(message)),
  };
}

function textOf(fields: Readonly<Record<string, LogField>>): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? JSON.stringify(value) : value}`)
    .join(' ');
}
