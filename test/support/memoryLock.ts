import { ok } from '../../src/base/result';
import type { AccountLock } from '../../src/store/synced/accountLock';

/** Held by one after the other, in the order that they asked. */
export function memoryLock(): AccountLock {
  let last = Promise.resolve();
  return {
    hold: async work => {
      const mine = last.then(work);
      const ended = () => undefined;
      last = mine.then(ended, ended);
      return ok(await mine);
    },
  };
}
