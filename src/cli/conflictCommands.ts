import { type Command, Option } from 'commander';
import * as z from 'zod';
import { ok, type Result } from '../base/result';
import type { ConflictJson, ConflictSideJson, ResolveJson } from '../device/json';
import { shortId } from '../model/ids/ids';
import { type Answer, addCommand, answer, type Runner } from './command';
import { type Failure, usage } from './failure';
import { readText } from './input';
import { localTime, type Page, plain, shown, table } from './page';
import type { Terminal } from './terminal';

/** Commands that show what met and let a person decide. */
export function addConflictCommands(program: Command, runner: Runner): void {
  addCommand(program, runner, {
    usage: 'conflicts [conflict]',
    summary: 'list open conflicts, or show both sides of one',
    help: `To edit a merge by hand: scratch conflicts ID --merge > merge.txt, edit it, then
scratch resolve ID --file merge.txt`,
    declare: command =>
      command
        .option('--all', 'also resolved ones and automatic merges')
        .option('--merge', 'print the merge of one, with markers where both sides changed the same'),
    schema: z.object({ all: z.boolean().optional(), merge: z.boolean().optional() }),
    async run({ device, args: [id], options }): Promise<Result<Answer, Failure>> {
      if (id === undefined) {
        if (options.merge) return usage('--merge needs a conflict: scratch conflicts lists them.');
        return answer(await device.conflicts.list({ all: options.all ?? false }), conflictList);
      }
      if (!options.merge) return answer(await device.conflicts.get(id), conflictText);
      const merge = await device.conflicts.mergeText(id);
      if (!merge.ok) return merge;
      return ok({ json: merge.value, text: page => shown(page, merge.value.text), isExact: true });
    },
  });
  addCommand(program, runner, {
    usage: 'resolve <conflict>',
    summary: 'resolve a conflict here and on every device',
    help: `What is not kept stays in the conflict's record, on every device:
scratch conflicts --all lists it, and scratch resolve answers it anew.`,
    declare: command =>
      command
        .addOption(new Option('--keep <side>', 'which side to keep').choices(['local', 'remote', 'both']))
        .addOption(
          new Option('--file <file>', 'the merged text, from a file or - for input').conflicts('keep'),
        )
        .addOption(
          new Option('--undo', 'take a resolution or an automatic merge back').conflicts(['keep', 'file']),
        ),
    schema: z.object({
      keep: z.enum(['local', 'remote', 'both']).optional(),
      file: z.string().optional(),
      undo: z.boolean().optional(),
    }),
    async run({ device, terminal, args: [id = ''], options }) {
      if (options.undo) {
        return answer(
          await device.conflicts.undo(id),
          (conflict, page) => `Open again: ${titled(conflict, page)}.`,
        );
      }
      const how = await resolutionOf(options, terminal);
      if (!how.ok) return how;
      return answer(
        await device.conflicts.resolve(id, how.value),
        (conflict, page) => `Resolved ${titled(conflict, page)}. scratch sync tells the other devices.`,
      );
    },
  });
}

async function resolutionOf(
  options: { readonly keep?: 'local' | 'remote' | 'both' | undefined; readonly file?: string | undefined },
  terminal: Terminal,
): Promise<Result<ResolveJson, Failure>> {
  if (options.keep !== undefined) return ok({ keep: options.keep });
  if (options.file === undefined)
    return usage('Say how: --keep local, --keep remote, --keep both, or --file FILE.');
  const body = await readText(options.file, terminal);
  return body.ok ? ok({ body: body.value }) : body;
}

function conflictList(conflicts: readonly ConflictJson[], page: Page): string {
  if (conflicts.length === 0) return 'No conflicts.';
  return table(
    page,
    [
      { title: 'ID' },
      { title: 'ITEM', stretches: true },
      { title: 'FOUND' },
      { title: 'OUTCOME' },
      { title: 'STATE' },
    ],
    conflicts.map(conflict => [
      { text: shortId(conflict.id), tone: 'quiet' },
      conflict.title,
      { text: localTime(conflict.detectedAt), tone: 'quiet' },
      conflict.outcome === 'merged' ? 'merged' : 'the later won',
      conflict.state === 'open' ? { text: 'open', tone: 'warning' } : conflict.state,
    ]),
  );
}

function conflictText(conflict: ConflictJson, page: Page): string {
  const { base, local, remote, winner, keys } = conflict;
  const won = (side: 'local' | 'remote') => (winner === side ? ' (the current text: it is later)' : '');
  return [
    `${titled(conflict, page)}, ${conflict.state}${keys.length > 0 ? `, both changed: ${plain(keys.join(', '))}` : ''}`,
    base === null ? 'The base is not known.' : sideText('base', base, '', keys, page),
    sideText('local', local, won('local'), keys, page),
    sideText('remote', remote, won('remote'), keys, page),
    `scratch resolve ${shortId(conflict.id)} --keep local, remote or both`,
  ].join('\n\n');
}

function sideText(
  name: string,
  side: ConflictSideJson,
  note: string,
  keys: readonly string[],
  page: Page,
): string {
  const who = `${plain(side.deviceName)}, ${localTime(side.lastModified, true)}`;
  const head = page.paint('strong', `== ${name}: ${who}${note}`);
  // The fields that both have changed: that of the text is shown as it is.
  const fields = Object.entries(side)
    .filter(([field]) => field !== 'body' && keys.includes(field))
    .map(([field, value]) => `${field}: ${plain(typeof value === 'string' ? value : JSON.stringify(value))}`);
  const text = side.deleted ? '(deleted)' : shown(page, side.body.replace(/\n$/, ''));
  return [head, ...fields, text].join('\n');
}

function titled({ title, id }: ConflictJson, page: Page): string {
  return `${page.paint('strong', plain(title))} ${page.paint('quiet', `(conflict ${shortId(id)})`)}`;
}
