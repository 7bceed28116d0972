/**
 * A person's text for a place where the editor draws icons for `$(name)`, such as a quick pick: it is shown as it is
 * written. What the editor takes for an icon is that of its `iconLabels.ts`.
 */
export function plainLabel(text: string): string {
  return text.replace(/\$\([a-z0-9-]+(~[a-z0-9-]+)?\)/gi, '\\$&');
}
