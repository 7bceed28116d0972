import type { Logger, LogLine } from '../../src/base/logger';

/** A logger that keeps its lines as `level message {fields}`. */
export function collectingLogger(): { readonly logger: Logger; readonly lines: readonly string[] } {
  const lines: string[] = [];
  const line =
    (level: string): LogLine =>
    (message, fields) =>
      void lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  return {
    lines,
    logger: { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
  };
}
