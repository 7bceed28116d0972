import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/logger';

/** Shows one after the other. One that fails, as of an item that was deleted meanwhile, is left out, and the log says so. */
export class Previews {
  readonly #logger: Logger;
  #last: Promise<void> = Promise.resolve();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param show is called when those before have ended */
  add(show: () => Promise<void>): void {
    this.#last = this.#last.then(show).catch((error: unknown) => {
      this.#logger.warn('a preview could not be shown', { error: messageOf(error) });
    });
  }

  /** Resolves when those that were added have ended. */
  ended(): Promise<void> {
    return this.#last;
  }
}
