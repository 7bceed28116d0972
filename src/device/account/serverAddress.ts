import { ok, type Result } from '../../base/result';
import type { DeviceError } from '../deviceError';
import { failure } from '../failures';

const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]']);

/** The server's address without a slash at the end. Plain HTTP is for this machine alone. */
export function serverOrigin(given: string): Result<string, DeviceError> {
  const address = URL.canParse(given.trim()) ? new URL(given.trim()) : undefined;
  if (
    address === undefined ||
    !['http:', 'https:'].includes(address.protocol) ||
    address.search ||
    address.hash
  ) {
    return failure('badInput', 'The server address is not a URL. Give one such as https://sync.example.com.');
  }
  if (address.username || address.password) {
    return failure('badInput', 'Leave name and password out of the server address.');
  }
  if (address.protocol === 'http:' && !loopbackHosts.has(address.hostname)) {
    return failure(
      'badInput',
      `Passwords and tokens go to ${address.hostname} only over https. Use its https address.`,
    );
  }
  return ok(address.href.replace(/\/+$/, ''));
}
