export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/**
 * Where a part of the product says what it did. `fields` are flat facts for a reader;
 * no item text, password, key or token may appear in them.
 */
export type Logger = Readonly<Record<LogLevel, LogLine>>;

export type LogLine = (message: string, fields?: Readonly<Record<string, LogField>>) => void;

export type LogField = string | number | boolean | null | undefined;

const discard: LogLine = () => undefined;

export const silentLogger: Logger = { debug: discard, info: discard, warn: discard, error: discard };
