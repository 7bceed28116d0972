import type { ConflictJson, ConflictSideJson } from '../../device/json';
import { documentLanguage, fileName, tabTitle } from './itemAddress';

/** Addresses of a conflict's texts: `scratch-conflict://<conflict id>/<side>/<title>.<ext>`. */
export const conflictScheme = 'scratch-conflict';

/** What met, or the text that a person makes of it. */
export type ConflictText = 'base' | 'local' | 'remote' | 'merge';

const conflictTexts: readonly ConflictText[] = ['base', 'local', 'remote', 'merge'];

export function conflictPath(conflict: ConflictJson, text: ConflictText): string {
  return `/${text}/${conflictFileName(conflict)}`;
}

/** Which text is at a path; undefined for any other path. */
export function conflictTextAt(path: string): ConflictText | undefined {
  const [, first = '', name] = path.split('/');
  return name === undefined ? undefined : conflictTexts.find(text => text === first);
}

/** A side of a conflict; null when it is not known. A side that was deleted has no text. */
export function sideOf(conflict: ConflictJson, text: 'base' | 'local' | 'remote'): ConflictSideJson | null {
  return conflict[text];
}

export function sideBody(side: ConflictSideJson | null): string {
  return side === null || side.deleted ? '' : side.body;
}

/** What a person calls a side: always with the name of its device. */
export function sideLabel(side: ConflictSideJson): string {
  return side.deleted ? `${side.deviceName} (deleted)` : side.deviceName;
}

function conflictFileName(conflict: ConflictJson): string {
  return fileName(conflictTabTitle(conflict), documentLanguage(conflict.local));
}

/** What a tab may call a conflict. */
export function conflictTabTitle(conflict: ConflictJson): string {
  return tabTitle({ id: conflict.id, title: conflict.title, sensitive: isSensitive(conflict) });
}

export function isSensitive({ base, local, remote }: ConflictJson): boolean {
  return local.sensitive || remote.sensitive || base?.sensitive === true;
}
