import { err, ok, type Result } from '../../base/result';
import type { DeviceError } from '../deviceError';
import { failure } from '../failures';

/** Why an address is not one of a sync server; `plainHttp`: secrets would go to another machine in clear. */
export type ServerAddressProblem =
  | { readonly type: 'notAddress' }
  | { readonly type: 'namesUser' }
  | { readonly type: 'plainHttp'; readonly host: string };

const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]']);

/** The server's origin, and a path when it has one, without a slash at the end. Plain HTTP is for this machine alone. */
export function parseServerAddress(given: string): Result<string, ServerAddressProblem> {
  const address = URL.canParse(given.trim()) ? new URL(given.trim()) : undefined;
  if (
    address === undefined ||
    !['http:', 'https:'].includes(address.protocol) ||
    address.search ||
    address.hash
  ) {
    return err({ type: 'notAddress' });
  }
  if (address.username || address.password) return err({ type: 'namesUser' });
  if (address.protocol === 'http:' && !loopbackHosts.has(address.hostname)) {
    return err({ type: 'plainHttp', host: address.hostname });
  }
  return ok(`${address.origin}${address.pathname.replace(/\/+$/, '')}`);
}

/** The same, with what is wrong in words. */
export function serverOrigin(given: string): Result<string, DeviceError> {
  const address = parseServerAddress(given);
  if (address.ok) return address;
  switch (address.error.type) {
    case 'notAddress':
      return failure(
        'badInput',
        'The server address is not a URL. Give one such as https://sync.example.com.',
      );
    case 'namesUser':
      return failure('badInput', 'Leave name and password out of the server address.');
    case 'plainHttp':
      return failure(
        'badInput',
        `Passwords and tokens go to ${address.error.host} only over https. Use its https address.`,
      );
  }
}
