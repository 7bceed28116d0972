/** The length that a title made from a text has at most. */
export const maxTitleFromText = 60;

/** A title from the first line of a text that says something; undefined for a text without any. */
export function titleFromText(text: string): string | undefined {
  for (const line of text.split(/\r?\n/)) {
    const words = line.replace(/^[\s#>*\-/]+/, '').trim();
    if (/[\p{L}\p{N}]/u.test(words)) return shortened(words);
  }
  return undefined;
}

/** A title from the moment: `Note 2026-01-31 14.05`, in local time. */
export function titleFromTime(millis: number): string {
  const time = new Date(millis);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `Note ${day} ${two(time.getHours())}.${two(time.getMinutes())}`;
}

function shortened(words: string): string {
  const characters = [...words];
  if (characters.length <= maxTitleFromText) return words;
  const cut = characters.slice(0, maxTitleFromText).join('');
  const lastSpace = cut.lastIndexOf(' ');
  return `${lastSpace > maxTitleFromText / 2 ? cut.slice(0, lastSpace) : cut}…`;
}
