import { unreachable } from '../../base/assert';
import { canonicalJson } from '../../base/json';
import type { ConfigContent, Content, NoteContent, SnippetContent } from '../../model/content';
import { contentText, encodeContent, sameContent } from '../../model/contentCodec';
import { isEditorTarget } from '../../model/fieldForms';
import type { Stamp } from '../../model/ids/stamp';
import { mergeBody, mergeOverlays, type TextPolicy } from './bodyMerge';
import { type Field, mergeScalar, mergeSet, mergeUnknownFields } from './fieldMerge';
import { MergeLog } from './mergeLog';

/** One of two versions of an item that were made without knowing each other. */
export interface MergeSide {
  /** Of a deleted item: what it held. */
  readonly content: Content;
  readonly deleted: boolean;
  readonly stamp: Stamp;
}

/** The version that both sides were made on. */
export interface MergeBase {
  /** Undefined when it is not known; it is never guessed. */
  readonly content?: Content;
  readonly deleted: boolean;
}

export interface MergeInput {
  /** Undefined when the sides are known to have nothing in common, or when nothing is known of it. */
  readonly base?: MergeBase | undefined;
  readonly left: MergeSide;
  readonly right: MergeSide;
  readonly text: TextPolicy;
}

export type Merge = SameVersions | MergedVersions;

/** Both sides hold the same content and deletion: there is nothing to do, and no new version. */
export interface SameVersions {
  readonly type: 'same';
}

export interface MergedVersions {
  readonly type: 'merged';
  readonly content: Content;
  readonly deleted: boolean;
  /**
   * What both sides changed differently, so that the later stamp won: names of fields (`title`, `body`, `deleted`,
   * `overlays/os:linux`), and for JSON bodies the path of the key (`editor.fontSize`, `[markdown]/editor.wordWrap`).
   * Empty when nothing gave way.
   */
  readonly keys: readonly string[];
  /**
   * True when a person is to be asked: something that a person wrote gave way (a text, a JSON key, an edit or a
   * deletion against the other, anything at all without a base), or nothing did but repeated lines leave it open where
   * the changes belong. A field that changes as a whole gives way without a question; `keys` names it.
   */
  readonly open: boolean;
  /** The side that the outcome is equal to, in content and deletion. */
  readonly equals: 'left' | 'right' | 'neither';
}

/**
 * Merges two concurrent versions of an item, three-way. Pure, and the same whichever side is called left: it depends
 * only on the contents and on which stamp is the later one. (Text that merges by `latest` on one device and by line on
 * another comes out differently; that is the person's choice for each device.)
 *
 * - A side that changed nothing, deletion included: the other side.
 * - Fields that change as a whole: by field; both changed: the later stamp.
 * - Lists: by entry. `sensitive`: where either says so.
 * - Text: by line; where changes overlap, the later stamp's whole text, and a question.
 * - JSON configs and their overlays: by key and array element; a key that both changed: the later stamp, and a question.
 * - Deletion against edit: the later stamp, and a question. Deleted on both sides: the later stamp's content.
 * - No base, or versions of different kinds: the later stamp's whole content, and a question.
 */
export function mergeVersions({ base, left, right, text }: MergeInput): Merge {
  if (sameVersion(left, right)) return { type: 'same' };
  const [earlier, later] = inOrder(left, right);
  const log = new MergeLog();
  const outcome = withSensitivity(mergeSides({ base, earlier, later, text }, log), earlier, later);
  const equals = sameVersion(outcome, left) ? 'left' : sameVersion(outcome, right) ? 'right' : 'neither';
  return { type: 'merged', ...outcome, keys: log.keys, open: log.open, equals };
}

interface Version {
  readonly content: Content;
  readonly deleted: boolean;
}

interface OrderedSides {
  readonly base: MergeBase | undefined;
  readonly earlier: MergeSide;
  readonly later: MergeSide;
  readonly text: TextPolicy;
}

/** The contents of both sides and of the version that they were made on. */
interface ThreeContents<C extends Content> {
  readonly base: C;
  readonly earlier: C;
  readonly later: C;
}

function sameVersion(left: Version, right: Version): boolean {
  return left.deleted === right.deleted && sameContent(left.content, right.content);
}

/** Stamps of two versions differ; should they not, the contents decide, so that every device decides alike. */
function inOrder(left: MergeSide, right: MergeSide): readonly [earlier: MergeSide, later: MergeSide] {
  const rank = ({ stamp, content, deleted }: MergeSide) => `${stamp} ${deleted} ${contentText(content)}`;
  return rank(left) < rank(right) ? [left, right] : [right, left];
}

function mergeSides({ base, earlier, later, text }: OrderedSides, log: MergeLog): Version {
  const whole: Version = { content: later.content, deleted: later.deleted };
  if (earlier.deleted && later.deleted) return whole;
  if (base?.content === undefined) {
    for (const name of differences(earlier, later)) log.lost(name);
    return whole;
  }
  const former: Version = { content: base.content, deleted: base.deleted };
  if (sameVersion(former, earlier)) return whole;
  if (sameVersion(former, later)) return { content: earlier.content, deleted: earlier.deleted };
  if (earlier.deleted !== later.deleted) {
    log.lost('deleted');
    return whole;
  }
  const contents = { base: base.content, earlier: earlier.content, later: later.content };
  return { content: mergeContents(contents, text, log), deleted: later.deleted };
}

/** The names of the fields in which two versions differ. */
function differences(earlier: MergeSide, later: MergeSide): readonly string[] {
  const [first, second] = [encodeContent(earlier.content), encodeContent(later.content)];
  const names = new Set([...Object.keys(first), ...Object.keys(second)]);
  const inContent = [...names]
    .filter(name => canonicalJson(first[name]) !== canonicalJson(second[name]))
    .sort();
  return earlier.deleted === later.deleted ? inContent : ['deleted', ...inContent];
}

function mergeContents(
  { base, earlier, later }: ThreeContents<Content>,
  text: TextPolicy,
  log: MergeLog,
): Content {
  switch (later.kind) {
    case 'note':
      if (base.kind !== 'note' || earlier.kind !== 'note') break;
      return mergeNotes({ base, earlier, later }, text, log);
    case 'snippet':
      if (base.kind !== 'snippet' || earlier.kind !== 'snippet') break;
      return mergeSnippets({ base, earlier, later }, text, log);
    case 'config':
      if (base.kind !== 'config' || earlier.kind !== 'config') break;
      return mergeConfigs({ base, earlier, later }, text, log);
    default:
      return unreachable(later);
  }
  log.lost('kind');
  return later;
}

function mergeNotes(notes: ThreeContents<NoteContent>, text: TextPolicy, log: MergeLog): NoteContent {
  const repository = mergeScalar(
    fieldOf(notes, 'repository', note => note.repository),
    log,
  );
  return {
    kind: 'note',
    ...mergeCommon(notes, log),
    body: mergeBody(
      fieldOf(notes, 'body', note => note.body),
      { isJson: false, text },
      log,
    ),
    language: mergeScalar(
      fieldOf(notes, 'language', note => note.language),
      log,
    ),
    ...(repository === undefined ? {} : { repository }),
  };
}

function mergeSnippets(
  snippets: ThreeContents<SnippetContent>,
  text: TextPolicy,
  log: MergeLog,
): SnippetContent {
  const list = (name: 'prefixes' | 'languages' | 'include' | 'exclude') =>
    mergeSet(
      fieldOf(snippets, name, snippet => snippet[name]),
      log,
    );
  return {
    kind: 'snippet',
    ...mergeCommon(snippets, log),
    body: mergeBody(
      fieldOf(snippets, 'body', snippet => snippet.body),
      { isJson: false, text },
      log,
    ),
    prefixes: list('prefixes'),
    languages: list('languages'),
    description: mergeScalar(
      fieldOf(snippets, 'description', snippet => snippet.description),
      log,
    ),
    include: list('include'),
    exclude: list('exclude'),
  };
}

function mergeConfigs(configs: ThreeContents<ConfigContent>, text: TextPolicy, log: MergeLog): ConfigContent {
  const common = mergeCommon(configs, log);
  const language = mergeScalar(
    fieldOf(configs, 'language', config => config.language),
    log,
  );
  const target = mergeScalar(
    fieldOf(configs, 'target', config => config.target),
    log,
  );
  const rule = { isJson: isJsonConfig(language, target), text };
  return {
    kind: 'config',
    ...common,
    body: mergeBody(
      fieldOf(configs, 'body', config => config.body),
      rule,
      log,
    ),
    language,
    ...(target === undefined ? {} : { target }),
    overlays: mergeOverlays(
      fieldOf(configs, 'overlays', config => config.overlays),
      rule,
      log,
    ),
  };
}

function mergeCommon<C extends Content>(
  contents: ThreeContents<C>,
  log: MergeLog,
): Omit<NoteContent, 'kind' | 'body' | 'language'> {
  return {
    title: mergeScalar(
      fieldOf(contents, 'title', content => content.title),
      log,
    ),
    folder: mergeScalar(
      fieldOf(contents, 'folder', content => content.folder),
      log,
    ),
    tags: [
      ...mergeSet(
        fieldOf(contents, 'tags', content => content.tags),
        log,
      ),
    ].sort(),
    pinned: mergeScalar(
      fieldOf(contents, 'pinned', content => content.pinned),
      log,
    ),
    sensitive: contents.later.sensitive,
    extra: mergeUnknownFields(
      fieldOf(contents, 'extra', content => content.extra),
      log,
    ),
  };
}

function fieldOf<C extends Content, T>(
  { base, earlier, later }: ThreeContents<C>,
  name: string,
  get: (content: C) => T,
): Field<T> {
  return { name, base: get(base), earlier: get(earlier), later: get(later) };
}

const jsonLanguages: ReadonlySet<string> = new Set(['json', 'jsonc', 'snippets']);

/** True for configs that VS Code reads as JSON with comments, and for those that say that they are JSON. */
function isJsonConfig(language: string, target: string | undefined): boolean {
  return jsonLanguages.has(language) || (target !== undefined && isEditorTarget(target));
}

/** What one side keeps secret stays secret whichever side won. */
function withSensitivity(outcome: Version, earlier: MergeSide, later: MergeSide): Version {
  const sensitive = earlier.content.sensitive || later.content.sensitive;
  return outcome.content.sensitive === sensitive
    ? outcome
    : { ...outcome, content: { ...outcome.content, sensitive } };
}
