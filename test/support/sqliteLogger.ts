import { type Logger, loggerOf } from '../../src/base/logger';

/** A logger that keeps its lines as `level message {fields}`. */
export function collectingLogger(): { readonly logger: Logger; readonly lines: readonly string[] } {
  const lines: string[] = [];
  const logger = loggerOf((level, message, fields) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  });
  return { lines, logger };
}
