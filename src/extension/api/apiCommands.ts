import type { Disposable } from 'vscode';
import { commands } from 'vscode';
import type { CommandId } from '../manifest';
import type { DeviceApi } from './deviceApi';

/** The API as commands that take one JSON value and give one, for extensions on another host. */
export function registerApiCommands(api: DeviceApi): readonly Disposable[] {
  const register = (id: CommandId, run: (value: unknown) => Promise<unknown>) =>
    commands.registerCommand(id, run);
  return [
    register('scratchSync.api.createItem', value => api.createItem(value)),
    register('scratchSync.api.getItem', value => api.getItem(value)),
    register('scratchSync.api.listItems', value => api.listItems(value)),
    register('scratchSync.api.searchItems', value => api.searchItems(value)),
    register('scratchSync.api.updateItem', value => api.updateItem(value)),
    register('scratchSync.api.deleteItem', value => api.deleteItem(value)),
    register('scratchSync.api.listConflicts', value => api.listConflicts(value)),
    register('scratchSync.api.resolveConflict', value => api.resolveConflict(value)),
    register('scratchSync.api.sync', () => api.sync()),
  ];
}
