import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { err, ok, type Result } from '../base/result';

/** What is counted, so that no one guesses at passwords, invites or logins by trying. */
export type LimitedAction = 'signIn' | 'signUp' | 'kdf' | 'proof';

/** Who tries, at what: the address of the client, and the login or account that it names. */
export interface LimitedParty {
  readonly address: string;
  readonly subject: string;
}

export interface RateLimits {
  /** Counts one attempt, before it is looked at. */
  take(action: LimitedAction, party: LimitedParty): Promise<Result<void, TooManyAttempts>>;
  /** The attempt was honest: it does not count. */
  giveBack(action: LimitedAction, party: LimitedParty): Promise<void>;
}

export interface TooManyAttempts {
  readonly type: 'tooManyAttempts';
  readonly retryAfterSeconds: number;
}

/** For a caller that limits by other means, and for simulations. */
export const noRateLimits: RateLimits = { take: async () => ok(), giveBack: async () => undefined };

interface Allowance {
  readonly by: 'address' | 'subject' | 'both';
  readonly attempts: number;
  readonly windowSeconds: number;
}

const quarterSeconds = 15 * 60;

/** A login is held back less than a login from one address, so that a stranger can hardly lock its owner out. */
const allowances: Readonly<Record<LimitedAction, readonly Allowance[]>> = {
  signIn: [
    { by: 'both', attempts: 10, windowSeconds: quarterSeconds },
    { by: 'subject', attempts: 100, windowSeconds: quarterSeconds },
    { by: 'address', attempts: 60, windowSeconds: quarterSeconds },
  ],
  signUp: [{ by: 'address', attempts: 30, windowSeconds: quarterSeconds }],
  kdf: [{ by: 'address', attempts: 600, windowSeconds: quarterSeconds }],
  proof: [{ by: 'subject', attempts: 20, windowSeconds: quarterSeconds }],
};

/** Limits in the memory of this process, on the real clock. */
export function createRateLimits(): RateLimits {
  const limiters = (action: LimitedAction) =>
    allowances[action].map(allowance => ({
      by: allowance.by,
      limiter: new RateLimiterMemory({ points: allowance.attempts, duration: allowance.windowSeconds }),
    }));
  const byAction = {
    signIn: limiters('signIn'),
    signUp: limiters('signUp'),
    kdf: limiters('kdf'),
    proof: limiters('proof'),
  };
  return {
    async take(action, party) {
      for (const { by, limiter } of byAction[action]) {
        try {
          await limiter.consume(keyOf(by, party));
        } catch (refusal) {
          if (!(refusal instanceof RateLimiterRes)) throw refusal;
          return err({ type: 'tooManyAttempts', retryAfterSeconds: Math.ceil(refusal.msBeforeNext / 1000) });
        }
      }
      return ok();
    },
    async giveBack(action, party) {
      for (const { by, limiter } of byAction[action]) await limiter.reward(keyOf(by, party));
    },
  };
}

function keyOf(by: Allowance['by'], { address, subject }: LimitedParty): string {
  const network = networkOf(address);
  return by === 'address' ? network : by === 'subject' ? subject : `${network} ${subject}`;
}

const ipv6Groups = 8;
const networkGroups = 4;

/** One household has many IPv6 addresses: they are counted by their first 64 bits. */
function networkOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, ipv6Groups - groups.length - last.length);
  return [...groups, ...Array<string>(zeros).fill('0'), ...last].slice(0, networkGroups).join(':');
}
