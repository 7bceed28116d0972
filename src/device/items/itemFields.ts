import { sizeText } from '../../base/amounts';
import { type Err, ok, type Result } from '../../base/result';
import type { Content, Kind } from '../../model/content';
import { emptyContent } from '../../model/content';
import { maxEntryLength, maxFolderLength, maxListEntries, maxTitleLength } from '../../model/contentCodec';
import {
  parseFolder,
  parseLanguage,
  parseOverlayName,
  parseRepository,
  parseTarget,
} from '../../model/fieldForms';
import { normalizeText } from '../../model/plainText';
import type { DeviceError } from '../deviceError';
import { failure } from '../failures';
import type { ItemFieldsJson } from '../json';

/** Checks what a person, a script or another extension gives for an item, and puts it into the content. */

/** A body, a description and all overlays together, in UTF-8. What is larger belongs into a file. */
export const maxBodyBytes = 1024 * 1024;

const commonFields = ['title', 'body', 'folder', 'tags', 'pinned', 'sensitive'] as const;
const fieldsOfKind: Readonly<Record<Kind, readonly (keyof ItemFieldsJson)[]>> = {
  note: [...commonFields, 'language', 'repository'],
  snippet: [...commonFields, 'languages', 'prefixes', 'description', 'include', 'exclude'],
  config: [...commonFields, 'language', 'target', 'overlays'],
};

export function newContent(kind: Kind, title: string, fields: ItemFieldsJson): Result<Content, DeviceError> {
  return withFields(emptyContent(kind, ''), { ...fields, title });
}

/** The content with these fields; fields that the kind does not have, or that are none, are refused. */
export function withFields(content: Content, wanted: ItemFieldsJson): Result<Content, DeviceError> {
  const given = Object.keys(wanted).filter(name => Reflect.get(wanted, name) !== undefined);
  const foreign = given.find(name => !fieldsOfKind[content.kind].some(field => field === name));
  if (foreign !== undefined) {
    return failure('badInput', `A ${content.kind} has no ${foreign}. Leave it out.`);
  }
  const problem = problemOf(wanted);
  if (problem !== undefined) return problem;
  const formed = inForm(wanted, content);
  if (!formed.ok) return formed;
  const fields = formed.value;
  const common = {
    title: fields.title?.trim() ?? content.title,
    body: fields.body === undefined ? content.body : normalizeText(fields.body),
    folder: fields.folder ?? content.folder,
    tags: fields.tags === undefined ? content.tags : sortedSet(fields.tags),
    pinned: fields.pinned ?? content.pinned,
    sensitive: fields.sensitive ?? content.sensitive,
  };
  switch (content.kind) {
    case 'note': {
      const { repository, ...rest } = content;
      const next = fields.repository === undefined ? repository : (fields.repository ?? undefined);
      return ok({
        ...rest,
        ...common,
        language: fields.language ?? content.language,
        ...(next === undefined ? {} : { repository: next }),
      });
    }
    case 'snippet':
      return ok({
        ...content,
        ...common,
        languages: fields.languages === undefined ? content.languages : sortedSet(fields.languages),
        prefixes: fields.prefixes === undefined ? content.prefixes : uniqueList(fields.prefixes),
        description: fields.description ?? content.description,
        include: fields.include ?? content.include,
        exclude: fields.exclude ?? content.exclude,
      });
    case 'config': {
      const { target, ...rest } = content;
      const next = fields.target === undefined ? target : (fields.target ?? undefined);
      return ok({
        ...rest,
        ...common,
        language: fields.language ?? content.language,
        overlays: fields.overlays ?? content.overlays,
        ...(next === undefined ? {} : { target: next }),
      });
    }
  }
}

/** Undefined when the body may be stored. */
export function bodyProblem(body: string): Err<DeviceError> | undefined {
  const bytes = Buffer.byteLength(body);
  if (bytes > maxBodyBytes) {
    return failure(
      'tooLarge',
      `The text is larger than the ${sizeText(maxBodyBytes)} that an item holds. Shorten it, or split it in two; nothing was changed.`,
    );
  }
  if (/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/.test(body)) {
    return failure('badInput', 'The text is not valid Unicode. Save it as UTF-8 and try again.');
  }
  return undefined;
}

function problemOf(fields: ItemFieldsJson): Err<DeviceError> | undefined {
  const { title, folder, body, description, overlays } = fields;
  if (title !== undefined && title.trim() === '') return failure('badInput', 'Give the item a title.');
  if ((title?.length ?? 0) > maxTitleLength) {
    return failure('badInput', `A title has at most ${maxTitleLength} characters. Shorten it.`);
  }
  if ((folder?.length ?? 0) > maxFolderLength) {
    return failure('badInput', `A folder path has at most ${maxFolderLength} characters. Shorten it.`);
  }
  for (const name of ['tags', 'languages', 'prefixes', 'include', 'exclude'] as const) {
    const list = fields[name];
    if (list === undefined) continue;
    if (list.length > maxListEntries || list.some(entry => entry.length > maxEntryLength)) {
      return failure(
        'badInput',
        `${name} holds at most ${maxListEntries} entries of ${maxEntryLength} characters. Shorten it.`,
      );
    }
  }
  for (const name of ['language', 'repository', 'target'] as const) {
    if ((fields[name]?.length ?? 0) > maxEntryLength) {
      return failure('badInput', `${name} has at most ${maxEntryLength} characters. Shorten it.`);
    }
  }
  if (Object.keys(overlays ?? {}).some(name => name.length > maxEntryLength)) {
    return failure(
      'badInput',
      `The name of an overlay has at most ${maxEntryLength} characters. Shorten it.`,
    );
  }
  const texts = [body ?? '', description ?? '', ...Object.values(overlays ?? {})].join('');
  return bodyProblem(texts);
}

const forms = [
  ['folder', parseFolder],
  ['language', parseLanguage],
  ['target', parseTarget],
  ['repository', parseRepository],
] as const;

/** The fields in the forms that they have. What the content has already is kept: a newer version may have given it. */
function inForm(fields: ItemFieldsJson, content: Content): Result<ItemFieldsJson, DeviceError> {
  let formed = fields;
  for (const [name, parse] of forms) {
    const given = fields[name];
    if (given === undefined || given === null || given === Reflect.get(content, name)) continue;
    const parsed = parse(given);
    if (!parsed.ok) return failure('badInput', parsed.error.detail);
    formed = { ...formed, [name]: parsed.value };
  }
  const held = content.kind === 'config' ? content.overlays : {};
  const listed = (fields.languages ?? []).filter(language => language.trim() !== '').map(parseLanguage);
  const overlays = Object.keys(fields.overlays ?? {}).filter(name => !Object.hasOwn(held, name));
  const wrong = [...listed, ...overlays.map(parseOverlayName)].find(parsed => !parsed.ok);
  return wrong?.ok === false ? failure('badInput', wrong.error.detail) : ok(formed);
}

function sortedSet(entries: readonly string[]): readonly string[] {
  return [...uniqueList(entries)].sort();
}

function uniqueList(entries: readonly string[]): readonly string[] {
  return [...new Set(entries.map(entry => entry.trim()).filter(entry => entry !== ''))];
}
