import { env, l10n, window } from 'vscode';
import type { Messages } from '../host/messages';

/** Shows a phrase once, in a dialog that has to be answered: it is kept nowhere. */
export async function showPhrase(phrase: string, messages: Messages): Promise<void> {
  const copy = l10n.t('Copy');
  const chosen = await window.showInformationMessage(
    l10n.t('Write down your recovery phrase'),
    {
      modal: true,
      detail: l10n.t(
        '{0}\n\nIt is the only way back when you forget your password. It is shown once; a former phrase no longer works.',
        numbered(phrase),
      ),
    },
    copy,
  );
  if (chosen !== copy) return;
  await env.clipboard.writeText(phrase);
  messages.whisper(l10n.t('Copied the recovery phrase: put it in a safe place'));
}

const wordsPerLine = 6;

function numbered(phrase: string): string {
  const words = phrase.split(' ').map((word, index) => `${index + 1} ${word}`);
  const lines: string[] = [];
  for (let start = 0; start < words.length; start += wordsPerLine) {
    lines.push(words.slice(start, start + wordsPerLine).join('  '));
  }
  return lines.join('\n');
}
