/**
 * Puts a text into the person's language and values into its places `{0}`, `{1}` and so on: the editor's `l10n.t`. Texts
 * of views come from functions that are free of the editor, so they are given it.
 */
export type Say = (message: string, ...values: (string | number | boolean)[]) => string;

export function itemsText(count: number, say: Say): string {
  return count === 1 ? say('1 item') : say('{0} items', count);
}

export function conflictsText(count: number, say: Say): string {
  return count === 1 ? say('1 conflict') : say('{0} conflicts', count);
}
