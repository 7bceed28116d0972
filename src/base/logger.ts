export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/**
 * Where a part of the product says what it did. `fields` are flat facts for a reader;
 * no item text, password, key or token may appear in them.
 */
export type Logger = Readonly<Record<LogLevel, LogLine>>;

export type LogLine = (message: string, fields?: LogFields) => void;

export type LogFields = Readonly<Record<string, LogField>>;

export type LogField = string | number | boolean | null | undefined;

/** The logger whose lines all go to `write`. */
export function loggerOf(
  write: (level: LogLevel, message: string, fields: LogFields | undefined) => void,
): Logger {
  const line =
    (level: LogLevel): LogLine =>
    (message, fields) =>
      write(level, message, fields);
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
}

/** The message and its facts as one text: `opened folder=/a ms=12`. */
export function lineText(
  message: string,
  fields: LogFields = {},
  valueText: (value: LogField) => string = String,
): string {
  const facts = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${valueText(value)}`);
  return [message, ...facts].join(' ');
}

export const silentLogger: Logger = loggerOf(() => undefined);
