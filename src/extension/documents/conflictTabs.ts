import { l10n, type Tab, TabInputText, TabInputTextDiff, window } from 'vscode';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/logger';
import type { Device, DeviceEvent } from '../../device/device';
import type { Messages } from '../host/messages';
import { conflictIdOfUri } from './conflictFileSystem';

interface ConflictTab {
  readonly tab: Tab;
  readonly conflictId: string;
}

/**
 * Closes what shows a conflict that is not open any more, on whichever device it was resolved. A merge with unsaved text
 * stays, and a person hears that its conflict is resolved.
 */
export class ConflictTabs {
  readonly #device: Device;
  readonly #messages: Messages;
  readonly #logger: Logger;
  /** One look at the tabs at a time: the editor refuses to close one twice. */
  #last: Promise<void> = Promise.resolve();
  #isLookAhead = false;
  #hasLooked = false;
  /** Conflicts of which a person has heard, as long as their merges stay. */
  #told: ReadonlySet<string> = new Set();

  constructor(parts: { readonly device: Device; readonly messages: Messages; readonly logger: Logger }) {
    this.#device = parts.device;
    this.#messages = parts.messages;
    this.#logger = parts.logger;
  }

  hear(event: DeviceEvent): void {
    // Tabs of the last session come back: the first sign of the device is the time to look at them.
    const isCause = event.type === 'conflictsChanged' || (event.type === 'statusChanged' && !this.#hasLooked);
    if (!isCause || this.#isLookAhead) return;
    this.#hasLooked = true;
    this.#isLookAhead = true;
    this.#next(() => {
      this.#isLookAhead = false;
      return this.#closeResolved();
    }).catch((error: unknown) =>
      this.#logger.error('the tabs of conflicts could not be looked at', { error: messageOf(error) }),
    );
  }

  /** Closes what shows a conflict that was resolved here. */
  close(conflictId: string): Promise<void> {
    return this.#next(() => closeClean(conflictTabs().filter(shown => shown.conflictId === conflictId)));
  }

  async #closeResolved(): Promise<void> {
    if (conflictTabs().length === 0) return;
    const open = await this.#device.conflicts.list({ all: false });
    if (!open.ok) return;
    const ids = new Set(open.value.map(({ id }) => id));
    const resolved = conflictTabs().filter(({ conflictId }) => !ids.has(conflictId));
    await closeClean(resolved);
    const dirty = resolved.filter(({ tab }) => tab.isDirty);
    for (const { tab, conflictId } of dirty) {
      if (!this.#told.has(conflictId)) this.#messages.warn(resolvedMeanwhile(tab));
    }
    this.#told = new Set(dirty.map(({ conflictId }) => conflictId));
  }

  #next(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    // Whoever asked hears of a failure; the next look goes on.
    this.#last = done.catch(() => undefined);
    return done;
  }
}

/** The conflict that a tab shows; undefined for any other tab. */
export function conflictIdOfTab(tab: Tab | undefined): string | undefined {
  const input = tab?.input;
  if (input instanceof TabInputText) return conflictIdOfUri(input.uri);
  return input instanceof TabInputTextDiff ? conflictIdOfUri(input.modified) : undefined;
}

function conflictTabs(): readonly ConflictTab[] {
  return window.tabGroups.all
    .flatMap(({ tabs }) => tabs)
    .flatMap(tab => {
      const conflictId = conflictIdOfTab(tab);
      return conflictId === undefined ? [] : [{ tab, conflictId }];
    });
}

async function closeClean(shown: readonly ConflictTab[]): Promise<void> {
  const tabs = shown.map(({ tab }) => tab).filter(({ isDirty }) => !isDirty);
  if (tabs.length > 0) await window.tabGroups.close(tabs, true);
}

function resolvedMeanwhile({ label }: Tab): string {
  return l10n.t(
    'The conflict that “{0}” merges is resolved. Close it, or accept the merge to let it count instead.',
    label,
  );
}
