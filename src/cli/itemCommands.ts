import { type Command, Option } from 'commander';
import * as z from 'zod';
import { ok, type Result } from '../base/result';
import { wholeItems } from '../device/items/wholeItems';
import type { ItemFieldsJson } from '../device/json';
import { isKind, kinds } from '../model/content';
import { shortId } from '../model/ids/ids';
import { addCommand, answer, type Runner } from './command';
import { hitList, itemList, itemText, versionList } from './describeItem';
import { type Failure, usage } from './failure';
import { readText } from './input';
import { type Page, plain, shown } from './page';
import type { Terminal } from './terminal';
import { wholeNumber } from './wholeNumber';

/** Commands that read and write items on this device; nothing here touches the network. */
export function addItemCommands(program: Command, runner: Runner): void {
  addWriting(program, runner);
  addReading(program, runner);
  addTaking(program, runner);
}

const fieldsSchema = z.object({
  title: z.string().optional(),
  body: z.string().optional(),
  file: z.string().optional(),
  folder: z.string().optional(),
  tags: z.string().optional(),
  language: z.string().optional(),
  prefix: z.string().optional(),
  languages: z.string().optional(),
  include: z.string().optional(),
  exclude: z.string().optional(),
  description: z.string().optional(),
  target: z.string().optional(),
  repository: z.string().optional(),
  sensitive: z.boolean().optional(),
  pin: z.boolean().optional(),
});
type FieldOptions = z.infer<typeof fieldsSchema>;

function declareFields(command: Command): Command {
  return command
    .addOption(new Option('--body <text>', 'the text itself').conflicts('file'))
    .option('--file <file>', 'read the text from a file, or from standard input for -')
    .option('--folder <path>', 'names joined by /')
    .option('--tags <a,b>', 'tags')
    .option('--language <id>', 'language of a note or config, as VS Code names it')
    .option('--prefix <p,q>', 'short names to find a snippet by')
    .option('--languages <ts,js>', 'languages that a snippet is for; all when left out')
    .option('--include <globs>', 'files that a snippet is for')
    .option('--exclude <globs>', 'files that a snippet is not for')
    .option('--description <text>', 'description of a snippet')
    .option(
      '--target <where>',
      'the file that a config is of: settings, keybindings, tasks, snippets:NAME or ~/FILE',
    )
    .option('--repository <remote>', 'git remote that a note is about')
    .option('--sensitive', 'encrypt it in the local file too, and leave it out of search')
    .option('--pin', 'pin it');
}

function addWriting(program: Command, runner: Runner): void {
  addCommand(program, runner, {
    usage: 'add <kind> <title>',
    summary: 'add a note, a snippet or a config',
    help: 'Example: scratch add note "Deploy steps" --tags ops --file steps.md',
    declare: declareFields,
    schema: fieldsSchema,
    async run({ device, terminal, args: [kind = '', title = ''], options }) {
      if (!isKind(kind)) return usage(`There is no kind ${plain(kind)}: choose from ${kinds.join(', ')}.`);
      const fields = await fieldsOf(options, terminal);
      if (!fields.ok) return fields;
      const item = await device.items.create({ ...fields.value, kind, title });
      return answer(item, ({ id }, page) => `Added ${kind} ${named(title, id, page)}.`);
    },
  });
  addCommand(program, runner, {
    usage: 'edit <id>',
    summary: 'change an item; what is not named stays',
    help: `An empty --target or --repository takes it away.
Example: scratch edit 1f3a --title "New title"`,
    declare: command =>
      declareFields(command)
        .option('--title <text>', 'title')
        .option('--no-sensitive', 'no longer encrypt it in the local file')
        .option('--no-pin', 'unpin it'),
    schema: fieldsSchema,
    async run({ device, terminal, args: [id = ''], options }) {
      const fields = await fieldsOf(options, terminal);
      if (!fields.ok) return fields;
      if (Object.keys(fields.value).length === 0) {
        return usage(
          'Say what to change, for instance --title or --body; scratch edit --help lists everything.',
        );
      }
      const item = await device.items.update(id, fields.value);
      return answer(item, (changed, page) => `Changed ${named(changed.title, changed.id, page)}.`);
    },
  });
}

function addReading(program: Command, runner: Runner): void {
  addCommand(program, runner, {
    usage: 'show <id>',
    summary: 'show an item',
    declare: command => command.option('--body', 'only its text, byte for byte'),
    schema: z.object({ body: z.boolean().optional() }),
    async run({ device, args: [id = ''], options }) {
      const item = await device.items.get(id);
      if (!item.ok || !options.body) return answer(item, itemText);
      return ok({ json: item.value, text: page => shown(page, item.value.body), isExact: true });
    },
  });
  addCommand(program, runner, {
    usage: 'list',
    summary: 'list items, the latest first',
    declare: command =>
      command
        .addOption(new Option('--kind <kind>', 'only this kind').choices(kinds))
        .option('--folder <path>', 'only this folder, without those below it')
        .option('--tag <tag>', 'only with this tag')
        .option('--deleted', 'deleted items instead'),
    schema: z.object({
      kind: z.enum(['note', 'snippet', 'config']).exactOptional(),
      folder: z.string().exactOptional(),
      tag: z.string().exactOptional(),
      deleted: z.boolean().exactOptional(),
    }),
    async run({ device, options, isJson }) {
      const listed = await device.items.list(options);
      if (listed.ok && isJson) return answer(await wholeItems(device.items, listed.value), () => '');
      const isFiltered = (options.kind ?? options.folder ?? options.tag) !== undefined;
      const among = options.deleted ? 'No deleted item' : 'No item';
      const nothing = isFiltered
        ? `${among} is like that.`
        : options.deleted
          ? 'Nothing is deleted.'
          : firstItem;
      return answer(listed, (items, page) => itemList(items, nothing, page));
    },
  });
  addCommand(program, runner, {
    usage: 'search <query...>',
    summary: 'search titles, texts, tags and languages',
    help: 'The last word also matches the words that begin with it; "quoted words" match\nas a phrase.',
    declare: command => command.option('--limit <number>', 'at most this many', wholeNumber, defaultHits),
    schema: z.object({ limit: z.number() }),
    async run({ device, args, options, isJson }) {
      const found = await device.items.search(args.join(' '), options.limit);
      if (!found.ok || !isJson) return answer(found, hitList);
      const whole = await wholeItems(
        device.items,
        found.value.map(({ item }) => item),
      );
      return answer(
        whole,
        () => '',
        items => found.value.map((hit, index) => ({ ...hit, item: items[index] ?? hit.item })),
      );
    },
  });
  addCommand(program, runner, {
    usage: 'history <id>',
    summary: 'list the versions of an item, the latest first',
    schema: z.object({}),
    run: async ({ device, args: [id = ''] }) => answer(await device.items.history(id), versionList),
  });
}

function addTaking(program: Command, runner: Runner): void {
  addCommand(program, runner, {
    usage: 'rm <id>',
    summary: 'delete an item; it can be restored',
    schema: z.object({}),
    async run({ device, args: [id = ''] }) {
      return answer(
        await device.items.delete(id),
        (item, page) =>
          `Deleted ${named(item.title, item.id, page)}. scratch restore ${shortId(item.id)} brings it back.`,
      );
    },
  });
  addCommand(program, runner, {
    usage: 'restore <id>',
    summary: 'bring back a deleted item, or an older version of one',
    declare: command => command.option('--version <number>', 'as scratch history numbers them', wholeNumber),
    schema: z.object({ version: z.number().optional() }),
    async run({ device, args: [id = ''], options }) {
      return answer(
        await device.items.restore(id, options.version),
        (item, page) => `Restored ${named(item.title, item.id, page)}.`,
      );
    },
  });
}

const firstItem = 'Nothing here. `scratch add note TITLE` makes the first item.';
const defaultHits = 20;

/** The fields that the options name, and no others. */
async function fieldsOf(options: FieldOptions, terminal: Terminal): Promise<Result<ItemFieldsJson, Failure>> {
  const body = options.file === undefined ? ok(options.body) : await readText(options.file, terminal);
  if (!body.ok) return body;
  return ok({
    ...given('title', options.title),
    ...given('body', body.value),
    ...given('folder', options.folder),
    ...given('tags', listOf(options.tags)),
    ...given('language', options.language),
    ...given('prefixes', listOf(options.prefix)),
    ...given('languages', listOf(options.languages)),
    ...given('include', listOf(options.include)),
    ...given('exclude', listOf(options.exclude)),
    ...given('description', options.description),
    ...given('target', options.target === '' ? null : options.target),
    ...given('repository', options.repository === '' ? null : options.repository),
    ...given('sensitive', options.sensitive),
    ...given('pinned', options.pin),
  });
}

function given<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [name in Name]?: Value } {
  if (value === undefined) return {};
  const field: { [name in Name]?: Value } = {};
  field[name] = value;
  return field;
}

function listOf(text: string | undefined): readonly string[] | undefined {
  return text
    ?.split(',')
    .map(entry => entry.trim())
    .filter(entry => entry !== '');
}

function named(title: string, id: string, page: Page): string {
  return `${page.paint('strong', plain(title))} ${page.paint('quiet', `(${shortId(id)})`)}`;
}
