import { CodeLens, type CodeLensProvider, l10n, Range, type TextDocument } from 'vscode';
import type { CommandId } from '../manifest';
import { type Accept, markedConflicts } from './conflictMarkers';

/** Over each marked place of a merge: which side to keep. Over the whole, once none is left: accept it. */
export class MergeLenses implements CodeLensProvider {
  provideCodeLenses(document: TextDocument): CodeLens[] {
    const conflicts = markedConflicts(document.getText());
    if (conflicts.length === 0) return [acceptMergeLens(document)];
    return conflicts.flatMap(({ startLine }) => [
      acceptLens(document, startLine, l10n.t('Accept Local'), 'local'),
      acceptLens(document, startLine, l10n.t('Accept Remote'), 'remote'),
      acceptLens(document, startLine, l10n.t('Accept Both'), 'both'),
    ]);
  }
}

function acceptLens(document: TextDocument, line: number, title: string, accept: Accept): CodeLens {
  const command: CommandId = 'scratchSync.acceptBlock';
  return new CodeLens(new Range(line, 0, line, 0), {
    title,
    command,
    arguments: [document.uri, line, accept],
  });
}

function acceptMergeLens(document: TextDocument): CodeLens {
  const command: CommandId = 'scratchSync.acceptMerge';
  return new CodeLens(new Range(0, 0, 0, 0), {
    title: l10n.t('$(check) Accept Merge'),
    command,
    arguments: [document.uri],
  });
}
