import { err, ok, type Result } from '../base/result';
import { isDeviceId } from './ids/ids';

/**
 * The forms of the fields that mean something to a program. They are asked of what a person or a program gives, not of
 * what arrives by sync: there, a newer version may know more.
 */

export interface MalformedField {
  readonly type: 'malformedField';
  /** What the field is, in one sentence for a person; never quotes what was given. */
  readonly detail: string;
}

/** Names joined by single slashes, none before or after; empty for the top. */
export function parseFolder(given: string): Result<string, MalformedField> {
  const names = given
    .split('/')
    .map(name => name.trim())
    .filter(name => name !== '');
  return names.every(isFileName)
    ? ok(names.join('/'))
    : malformed(
        'A folder is names joined by /, as work/scripts: no . or .., no backslash and no control character.',
      );
}

/** A VS Code language id. Extensions may call theirs as they like, but a comma parts the languages of a snippet. */
export function parseLanguage(given: string): Result<string, MalformedField> {
  const language = given.trim();
  return language !== '' && !/[\p{Cc},]/u.test(language)
    ? ok(language)
    : malformed(
        'A language is one id as VS Code names it, as markdown or typescript: not empty and without commas.',
      );
}

/** Targets that are files of VS Code itself, beside `snippets:<name>`. */
const editorTargets: ReadonlySet<string> = new Set(['settings', 'keybindings', 'tasks']);
const snippetsPrefix = 'snippets:';

/** True for the targets that are JSON files of VS Code itself. */
export function isEditorTarget(target: string): boolean {
  return editorTargets.has(target) || target.startsWith(snippetsPrefix);
}

/** The file that a config is of. A path is below the home folder, which every machine has, and cannot lead out of it. */
export function parseTarget(given: string): Result<string, MalformedField> {
  const target = given.trim();
  const isSound = target.startsWith(snippetsPrefix)
    ? isFileName(target.slice(snippetsPrefix.length))
    : editorTargets.has(target) || (target.startsWith('~/') && target.slice(2).split('/').every(isFileName));
  return isSound
    ? ok(target)
    : malformed(
        'A target is settings, keybindings, tasks, snippets:NAME, or a file below the home folder, as "~/.gitconfig" with the ~ itself (in quotes where a shell would replace it).',
      );
}

/**
 * A git remote without what differs between clones of the same one: scheme, user and password, port, `.git`.
 * `https://example.org/a/b.git`, `git@example.org:a/b` and `example.org/a/b` are all `example.org/a/b`; a host without a
 * dot keeps its colon (`nas:a/b`), so that it is not taken for a path. A path of one machine is no remote of another.
 * The forms are those of git-clone(1), "Git URLs".
 */
export function parseRepository(given: string): Result<string, MalformedField> {
  const text = given.trim();
  const parts = [urlForm, scpForm, plainForm].map(form => form.exec(text)?.groups).find(groups => groups);
  const host = (parts?.['host'] ?? '').toLowerCase();
  const path = (parts?.['path'] ?? '').replace(/^\/+|\/+$/g, '').replace(/\.git$/, '');
  const isSound = host !== '' && !/[\s\p{Cc}\\]/u.test(text) && path.split('/').every(isFileName);
  return isSound
    ? ok(host.includes('.') ? `${host}/${path}` : `${host}:${path}`)
    : malformed(
        'A repository is the address of a git remote, as https://example.org/owner/name.git or git@example.org:owner/name.git.',
      );
}

const urlForm =
  /^(?:https?|ssh|git|ftps?|git\+ssh):\/\/(?:[^/]*@)?(?<host>[\w.-]+|\[[\da-f:]+\])(?::\d+)?\/(?<path>.+)$/i;
/** One letter before the colon is a drive. */
const scpForm = /^(?:[^/@:]+@)?(?<host>[\w.-]{2,}|\[[\da-f:]+\]):(?!\/\/)(?<path>.+)$/i;
const plainForm = /^(?<host>[\w-]+(?:\.[\w-]+)+)\/(?<path>.+)$/;

/** The key of an overlay: a system, or a device by its id. */
export function parseOverlayName(given: string): Result<string, MalformedField> {
  return /^os:(?:linux|darwin|win32)$/.test(given) ||
    (given.startsWith('device:') && isDeviceId(given.slice(7)))
    ? ok(given)
    : malformed('An overlay is called os:linux, os:darwin, os:win32, or device: and the id of a device.');
}

/** A name that is one file or folder on every system. */
function isFileName(name: string): boolean {
  return name.trim() !== '' && name !== '.' && name !== '..' && !/[\p{Cc}/\\]/u.test(name);
}

function malformed(detail: string): Result<never, MalformedField> {
  return err({ type: 'malformedField', detail });
}
