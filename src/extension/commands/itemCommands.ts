import { env, l10n, window } from 'vscode';
import type { Device } from '../../device/device';
import type { ItemJson, NewItemJson } from '../../device/json';
import type { ItemEditors } from '../documents/itemEditors';
import type { Messages } from '../host/messages';
import type { Command } from './command';
import { notEmpty } from './createCommands';
import { type ItemChoice, idOfArgument } from './itemChoice';
import { plainLabel } from './plainLabel';
import { tagsOf } from './snippetText';

export interface ItemParts {
  readonly device: Device;
  readonly choice: ItemChoice;
  readonly editors: ItemEditors;
  readonly messages: Messages;
}

export function itemCommands(parts: ItemParts): readonly Command[] {
  return [
    new OpenItem(parts),
    new RenameItem(parts),
    new MoveItem(parts),
    new TagItem(parts),
    new PinItem(parts),
    new ToggleSensitive(parts),
    new DeleteItem(parts),
    new RestoreItem(parts),
    new CopyItem(parts),
    new DuplicateItem(parts),
  ];
}

class OpenItem implements Command {
  readonly id = 'scratchSync.openItem';
  constructor(private readonly parts: ItemParts) {}

  /** @param args an item, and whether to open it for good rather than as a preview */
  async run(...args: readonly unknown[]): Promise<void> {
    const { choice, editors } = this.parts;
    const id = idOfArgument(args[0]) ?? (await choice.pick(l10n.t('Open which item?'), {}))?.id;
    if (id !== undefined) await editors.show(id, { preview: args[1] !== true });
  }
}

class RenameItem implements Command {
  readonly id = 'scratchSync.renameItem';
  constructor(private readonly parts: ItemParts) {}

  async run(...args: readonly unknown[]): Promise<void> {
    const { device, choice, messages } = this.parts;
    const item = await choice.one(args, l10n.t('Rename which item?'));
    if (!item) return;
    const title = await window.showInputBox({
      title: l10n.t('Rename “{0}”', item.title),
      value: item.title,
      validateInput: notEmpty,
    });
    if (title === undefined || title.trim() === item.title) return;
    await messages.done(device.items.update(item.id, { title: title.trim() }));
  }
}

class MoveItem implements Command {
  readonly id = 'scratchSync.moveItem';
  constructor(private readonly parts: ItemParts) {}

  async run(...args: readonly unknown[]): Promise<void> {
    const { device, choice, messages } = this.parts;
    const [first, ...others] = await choice.several(args, l10n.t('Move which item?'));
    if (!first) return;
    const folder = await this.#askFolder(first);
    if (folder === undefined) return;
    for (const item of [first, ...others]) {
      if (!(await messages.done(device.items.update(item.id, { folder })))) return;
    }
  }

  async #askFolder(item: ItemJson): Promise<string | undefined> {
    const { device, messages } = this.parts;
    const outline = await messages.valueOf(device.items.outline());
    if (!outline) return undefined;
    const top = { label: l10n.t('$(home) No folder'), folder: '' };
    const fresh = { label: l10n.t('$(new-folder) New folder…'), folder: undefined };
    const ofKind = outline.places.filter(({ kind, folder }) => kind === item.kind && folder !== '');
    const known = ofKind.map(({ folder }) => folder).sort();
    const picked = await window.showQuickPick(
      [top, ...known.map(folder => ({ label: `$(folder) ${plainLabel(folder)}`, folder })), fresh],
      { placeHolder: l10n.t('Move “{0}” to which folder?', item.title) },
    );
    if (picked !== fresh) return picked?.folder;
    return window.showInputBox({
      title: l10n.t('New Folder'),
      prompt: l10n.t('Folders within folders are separated by “/”.'),
      validateInput: notEmpty,
    });
  }
}

class TagItem implements Command {
  readonly id = 'scratchSync.tagItem';
  constructor(private readonly parts: ItemParts) {}

  async run(...args: readonly unknown[]): Promise<void> {
    const { device, choice, messages } = this.parts;
    const item = await choice.one(args, l10n.t('Tag which item?'));
    if (!item) return;
    const tags = await window.showInputBox({
      title: l10n.t('Tags of “{0}”', item.title),
      prompt: l10n.t('Several are separated by commas.'),
      value: item.tags.join(', '),
    });
    if (tags !== undefined) await messages.done(device.items.update(item.id, { tags: tagsOf(tags) }));
  }
}

class PinItem implements Command {
  readonly id = 'scratchSync.pinItem';
  constructor(private readonly parts: ItemParts) {}

  async run(...args: readonly unknown[]): Promise<void> {
    const { device, choice, messages } = this.parts;
    for (const item of await choice.several(args, l10n.t('Pin or unpin which item?'))) {
      await messages.done(device.items.update(item.id, { pinned: !item.pinned }));
    }
  }
}

class ToggleSensitive implements Command {
  readonly id = 'scratchSync.toggleSensitive';
  constructor(private readonly parts: ItemParts) {}

  async run(...args: readonly unknown[]): Promise<void> {
    const { device, choice, messages } = this.parts;
    const item = await choice.one(args, l10n.t('Which item is sensitive, or no longer is?'));
    if (!item) return;
    const sensitive = !item.sensitive;
    if (!(await messages.done(device.items.update(item.id, { sensitive })))) return;
    messages.whisper(
      sensitive
        ? l10n.t('“{0}” is encrypted on this machine too, and no longer found by search', item.title)
        : l10n.t('“{0}” is an ordinary item again', item.title),
    );
  }
}

class DeleteItem implements Command {
  readonly id = 'scratchSync.deleteItem';
  constructor(private readonly parts: ItemParts) {}

  async run(...args: readonly unknown[]): Promise<void> {
    const { device, choice, messages } = this.parts;
    const items = await choice.several(args, l10n.t('Delete which item?'));
    const deleted: ItemJson[] = [];
    for (const item of items) if (await messages.done(device.items.delete(item.id))) deleted.push(item);
    const [first] = deleted;
    if (!first) return;
    const said =
      deleted.length === 1
        ? l10n.t('Deleted “{0}”.', first.title)
        : l10n.t('Deleted {0} items.', deleted.length);
    messages.offer(said, l10n.t('Undo'), async () => {
      for (const item of deleted) await messages.done(device.items.restore(item.id));
    });
  }
}

class RestoreItem implements Command {
  readonly id = 'scratchSync.restoreItem';
  constructor(private readonly parts: ItemParts) {}

  async run(...args: readonly unknown[]): Promise<void> {
    const { device, choice, messages } = this.parts;
    const question = l10n.t('Restore which deleted item?');
    const id = idOfArgument(args[0]) ?? (await choice.pick(question, { deleted: true }))?.id;
    if (id === undefined) return;
    const restored = await messages.valueOf(device.items.restore(id));
    if (restored) messages.whisper(l10n.t('Restored “{0}”', restored.title));
  }
}

class CopyItem implements Command {
  readonly id = 'scratchSync.copyItem';
  constructor(private readonly parts: ItemParts) {}

  async run(...args: readonly unknown[]): Promise<void> {
    const { choice, messages } = this.parts;
    const item = await choice.one(args, l10n.t('Copy the text of which item?'));
    if (!item) return;
    await env.clipboard.writeText(item.body);
    messages.whisper(l10n.t('Copied “{0}”', item.title));
  }
}

class DuplicateItem implements Command {
  readonly id = 'scratchSync.duplicateItem';
  constructor(private readonly parts: ItemParts) {}

  async run(...args: readonly unknown[]): Promise<void> {
    const { device, choice, editors, messages } = this.parts;
    const item = await choice.one(args, l10n.t('Duplicate which item?'));
    if (!item) return;
    const copy = await messages.valueOf(device.items.create(copyOf(item)));
    if (copy) await editors.show(copy.id, { preview: false });
  }
}

function copyOf(item: ItemJson): NewItemJson {
  const {
    id: _id,
    lastModified: _modified,
    deviceId: _device,
    version: _version,
    deleted: _deleted,
    ...own
  } = item;
  return { ...own, title: l10n.t('{0} (copy)', item.title), pinned: false };
}
