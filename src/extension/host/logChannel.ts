import type { LogOutputChannel } from 'vscode';
import { type LogField, type Logger, lineText, loggerOf } from '../../base/logger';

/** The extension's log channel, whose level a person sets in the editor. */
export function channelLogger(channel: LogOutputChannel): Logger {
  return loggerOf((level, message, fields) => channel[level](lineText(message, fields, quoted)));
}

const quoted = (value: LogField) => (typeof value === 'string' ? JSON.stringify(value) : String(value));
