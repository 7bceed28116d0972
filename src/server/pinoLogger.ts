import { destination, pino, stdTimeFunctions } from 'pino';
import { type Logger, type LogLevel, loggerOf } from '../base/logger';

/** The server's log: one JSON object a line, on standard error, so that standard output is for a person. */
export function createPinoLogger(level: LogLevel): Logger {
  const standardError = 2;
  const sink = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    destination(standardError),
  );
  return loggerOf((name, message, fields) =>
    fields === undefined ? sink[name](message) : sink[name](fields, message),
  );
}
