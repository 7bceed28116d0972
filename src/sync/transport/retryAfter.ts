import { hourMs, secondMs } from '../../base/time';

/** Whatever a server asks for, it is asked again after so long. */
const maxRetryAfterMs = hourMs;

/**
 * How long a server asks to wait, in milliseconds: in seconds, or a date, which is measured by the date of the answer
 * itself (RFC 9110, section 10.2.3).
 * @param seconds what the document of the answer says
 */
export function retryAfterOf(
  { 'retry-after': header, date }: Readonly<Record<string, string>>,
  seconds: number | undefined,
): number | undefined {
  const bounded = (delayMs: number) => Math.min(Math.max(0, delayMs), maxRetryAfterMs);
  if (seconds !== undefined) return bounded(seconds * secondMs);
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return bounded(Number(header) * secondMs);
  const delayMs = httpDateMs(header) - httpDateMs(date);
  return Number.isNaN(delayMs) ? undefined : bounded(delayMs);
}

function httpDateMs(text: string | undefined): number {
  return text !== undefined && /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} GMT$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
}
