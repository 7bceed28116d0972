import {
  commands,
  l10n,
  type QuickPick,
  type QuickPickItem,
  type Selection,
  SnippetString,
  type Tab,
  TabInputText,
  type Uri,
  type ViewColumn,
  window,
} from 'vscode';
import type { Logger } from '../../base/logger';
import { secondMs, type Timers } from '../../base/time';
import type { Device } from '../../device/device';
import type { SearchHitJson, VersionJson } from '../../device/json';
import { itemScheme, tabTitle } from '../documents/itemAddress';
import type { ItemEditors } from '../documents/itemEditors';
import { itemUri } from '../documents/itemUri';
import { addressed } from '../documents/scratchFileSystem';
import { versionUri } from '../documents/versionDocuments';
import type { Messages } from '../host/messages';
import type { Command } from './command';
import { type ItemChoice, type ItemPick, idOfArgument, pickOf } from './itemChoice';
import { plainLabel } from './plainLabel';
import { Previews } from './previews';

export interface FindParts {
  readonly device: Device;
  readonly choice: ItemChoice;
  readonly editors: ItemEditors;
  readonly messages: Messages;
  readonly timers: Timers;
  readonly logger: Logger;
}

/** Hits that a search shows at most. */
export const maxSearchHits = 50;
const searchDelayMs = secondMs / 10;

export function findCommands(parts: FindParts): readonly Command[] {
  return [new Search(parts), new ShowHistory(parts), new InsertSnippet(parts)];
}

/** Finds while one types, and previews what is selected; Escape gives the former editor back. */
class Search implements Command {
  readonly id = 'scratchSync.search';
  constructor(private readonly parts: FindParts) {}

  async run(query?: unknown): Promise<void> {
    const shown = window.tabGroups.activeTabGroup.activeTab;
    const former = shown?.input instanceof TabInputText ? placeOf(shown, shown.input.uri) : undefined;
    // The first preview would take the place of one that cannot be opened again from here, such as a diff.
    if (!former && shown?.isPreview) await commands.executeCommand('workbench.action.keepEditor');
    const formerItems = new Set(itemTabs().map(addressOf));
    const picker = window.createQuickPick<ItemPick>();
    picker.placeholder = l10n.t('Search titles, texts and tags');
    picker.value = typeof query === 'string' ? query : '';
    picker.matchOnDetail = true; // the editor marks what was typed in the excerpts too
    const accepted = await this.#ask(picker);
    picker.dispose();
    if (accepted) return this.parts.editors.show(accepted.item.id, { preview: false });
    if (former) return backTo(former);
    // What was shown is no text, such as a diff: it comes back when the preview goes.
    const previews = itemTabs().filter(tab => tab.isPreview && !formerItems.has(addressOf(tab)));
    if (previews.length > 0) await window.tabGroups.close(previews);
  }

  #ask(picker: QuickPick<ItemPick>): Promise<ItemPick | undefined> {
    const { timers, logger } = this.parts;
    let asked = 0;
    const find = async () => {
      const question = ++asked;
      picker.busy = true;
      await timers.sleep(searchDelayMs);
      if (question !== asked) return;
      const found = await this.#find(picker.value.trim());
      if (question !== asked) return;
      picker.items = found;
      picker.busy = false;
    };
    picker.onDidChangeValue(find);
    let isOpen = true;
    const previews = new Previews(logger);
    picker.onDidChangeActive(([active]) => {
      previews.add(async () => {
        if (!active || !isOpen || picker.activeItems[0] !== active) return;
        await this.parts.editors.show(active.item.id, { preview: true, preserveFocus: true });
      });
    });
    const chosen = new Promise<ItemPick | undefined>(resolve => {
      picker.onDidAccept(() => resolve(picker.activeItems[0]));
      picker.onDidHide(() => resolve(undefined));
      picker.show();
      find();
    });
    return chosen.then(async choice => {
      isOpen = false;
      await previews.ended(); // a late one would show over what comes now
      return choice;
    });
  }

  /** Hits in the store's order: the editor's own filter and order are kept out. */
  async #find(query: string): Promise<readonly ItemPick[]> {
    const { device, messages } = this.parts;
    if (query === '') {
      const items = await messages.valueOf(device.items.list({ limit: maxSearchHits }));
      return (items ?? []).map(item => ({ ...pickOf(item), alwaysShow: true }));
    }
    const hits = await messages.valueOf(device.items.search(query, maxSearchHits));
    return (hits ?? []).map(pickOfHit);
  }
}

class ShowHistory implements Command {
  readonly id = 'scratchSync.showHistory';
  constructor(private readonly parts: FindParts) {}

  async run(...args: readonly unknown[]): Promise<void> {
    const { device, choice, messages } = this.parts;
    const item = await choice.one(args, l10n.t('Show the history of which item?'));
    if (!item) return;
    const versions = await messages.valueOf(device.items.history(item.id));
    if (!versions) return;
    if (versions.length === 0) return messages.inform(l10n.t('“{0}” has no older versions.', item.title));
    const picked = await window.showQuickPick(versions.map(versionPick), {
      title: l10n.t('History of “{0}”', item.title),
      placeHolder: l10n.t('Compare which version with the present one?'),
    });
    if (!picked) return;
    const present = await messages.valueOf(device.documents.open(item.id));
    if (!present) return;
    await commands.executeCommand(
      'vscode.diff',
      versionUri(picked.version, present.sensitive),
      itemUri(addressed(present)),
      l10n.t('{0}: version {1} ↔ now', tabTitle(addressed(present)), picked.version.number),
    );
    const { number, stamp } = picked.version;
    messages.offer(
      l10n.t('Version {0} of “{1}” is on the left.', number, item.title),
      l10n.t('Restore It'),
      () => messages.done(device.items.restore(item.id, stamp)),
    );
  }
}

class InsertSnippet implements Command {
  readonly id = 'scratchSync.insertSnippet';
  constructor(private readonly parts: FindParts) {}

  async run(...args: readonly unknown[]): Promise<void> {
    const { device, choice, messages } = this.parts;
    const editor = window.activeTextEditor;
    if (!editor) return messages.inform(l10n.t('Open a file to insert the snippet into.'));
    const question = l10n.t('Insert which snippet?');
    const id = idOfArgument(args[0]) ?? (await choice.pick(question, { kind: 'snippet' }))?.id;
    if (id === undefined) return;
    const snippet = await messages.valueOf(device.items.get(id));
    if (snippet) await editor.insertSnippet(new SnippetString(snippet.body));
  }
}

function pickOfHit({ item, excerpt }: SearchHitJson): ItemPick {
  return { ...pickOf(item), detail: plainLabel(excerpt), alwaysShow: true };
}

function versionPick(version: VersionJson): QuickPickItem & { readonly version: VersionJson } {
  const { number, item, deviceName } = version;
  const when = new Date(item.lastModified).toLocaleString();
  const what = item.deleted ? l10n.t('deleted') : plainLabel(item.title);
  return { version, label: when, description: `${deviceName} · ${number}`, detail: what };
}

function itemTabs(): readonly Tab[] {
  const tabs = window.tabGroups.all.flatMap(group => group.tabs);
  return tabs.filter(tab => addressOf(tab)?.startsWith(`${itemScheme}:`));
}

function addressOf({ input }: Tab): string | undefined {
  return input instanceof TabInputText ? input.uri.toString() : undefined;
}

interface Place {
  readonly uri: Uri;
  readonly viewColumn: ViewColumn;
  readonly selection: Selection | undefined;
}

/** By its tab: the editor of a text that has just been opened may not be there yet. */
function placeOf({ group }: Tab, uri: Uri): Place {
  const editor = window.activeTextEditor;
  const isSame = editor?.document.uri.toString() === uri.toString();
  return { uri, viewColumn: group.viewColumn, selection: isSame ? editor.selection : undefined };
}

async function backTo({ uri, viewColumn, selection }: Place): Promise<void> {
  await window.showTextDocument(uri, { viewColumn, ...(selection && { selection }) });
}
