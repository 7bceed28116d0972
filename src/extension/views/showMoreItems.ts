import { isKind } from '../../model/content';
import type { Command } from '../commands/command';
import type { ItemsView } from './itemsView';
import type { TreePlace } from './itemTree';

/** What the last row of a long folder does. */
export class ShowMoreItems implements Command {
  readonly id = 'scratchSync.showMoreItems';
  constructor(private readonly view: ItemsView) {}

  async run(...args: readonly unknown[]): Promise<void> {
    const place = placeOf(args[0]);
    if (place !== undefined) await this.view.showMore(place);
  }
}

function placeOf(argument: unknown): TreePlace | undefined {
  if (argument === 'deleted') return argument;
  if (typeof argument !== 'object' || argument === null) return undefined;
  if (!('kind' in argument) || !('folder' in argument)) return undefined;
  const { kind, folder } = argument;
  return typeof kind === 'string' && isKind(kind) && typeof folder === 'string'
    ? { kind, folder }
    : undefined;
}
