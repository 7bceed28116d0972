import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Result } from '../../../src/base/result';
import {
  type MalformedField,
  parseFolder,
  parseLanguage,
  parseOverlayName,
  parseRepository,
  parseTarget,
} from '../../../src/model/fieldForms';

type Parse = (given: string) => Result<string, MalformedField>;

function assertTaken(parse: Parse, given: string, as = given): void {
  assert.deepEqual(parse(given), { ok: true, value: as }, JSON.stringify(given));
  assert.deepEqual(parse(as), { ok: true, value: as }, 'its form is taken as it is');
}

function assertRefused(parse: Parse, ...values: readonly string[]): void {
  for (const given of values) {
    const parsed = parse(given);
    assert.ok(!parsed.ok, `${JSON.stringify(given)} is refused`);
    assert.match(parsed.error.detail, /^[A-Z][^\n]+\.$/);
  }
}

describe('the form of a field', () => {
  it('is, of a folder, names joined by single slashes', () => {
    assertTaken(parseFolder, '');
    assertTaken(parseFolder, 'work/shell scripts');
    assertTaken(parseFolder, '/a/ b /c//', 'a/b/c');
    assertTaken(parseFolder, '.hidden/…');
    assertRefused(parseFolder, '..', '../x', 'a/./b', 'a\\b', 'a\nb', 'a\u0000');
  });

  it('is, of a language, one id', () => {
    for (const id of ['typescript', 'c++', 'objective-c', 'Plain Text']) assertTaken(parseLanguage, id);
    assertTaken(parseLanguage, ' markdown ', 'markdown');
    assertRefused(parseLanguage, '', ' ', 'ts,js', 'a\nb');
  });

  it('is, of a target, a file of VS Code or one below the home folder', () => {
    for (const name of ['settings', 'keybindings', 'tasks', 'snippets:typescript.json']) {
      assertTaken(parseTarget, name);
    }
    for (const path of ['~/.gitconfig', '~/.config/my app/init.lua']) assertTaken(parseTarget, path);
    assertRefused(parseTarget, '', 'nonsense', 'Settings', 'snippets:', 'snippets:a/b', 'snippets:..');
    assertRefused(
      parseTarget,
      '~',
      '~/',
      '~/../x',
      '~/a/../../x',
      '~/a//b',
      '~/a\\..\\..\\b',
      '~/a\nb',
      '~x/y',
    );
    assertRefused(parseTarget, '/etc/passwd', 'relative/file', 'C:\\file', 'file:///etc/passwd');
  });

  it('is, of a repository, what all clones of one remote share', () => {
    const same = [
      'https://example.org/Owner/name.git',
      'https://user:secret@EXAMPLE.org:8443/Owner/name/',
      'git@example.org:Owner/name.git',
      'ssh://git@example.org:2222/Owner/name.git',
      'example.org:Owner/name',
      'example.org/Owner/name',
    ];
    for (const given of same) assertTaken(parseRepository, given, 'example.org/Owner/name');
    assertTaken(parseRepository, 'ssh://git@nas/srv/git/x.git', 'nas:srv/git/x');
    assertTaken(parseRepository, 'ssh://git@[::1]:22/x', '[::1]:x');
    assertRefused(parseRepository, '', 'nonsense', 'owner/name', 'https://', 'https://example.org', 'git@:x');
    assertRefused(
      parseRepository,
      '/srv/x.git',
      '../x',
      'file:///srv/x.git',
      'C:\\x',
      'C:/x',
      'example.org/../x',
    );
    assertRefused(
      parseRepository,
      'javascript:alert(1)//x y',
      'https://example.org/a\nb',
      'https://example.org/.git',
    );
  });

  it('is, of the name of an overlay, a system or a device', () => {
    for (const name of ['os:linux', 'os:darwin', 'os:win32', 'device:0123456789abcdef']) {
      assertTaken(parseOverlayName, name);
    }
    assertRefused(parseOverlayName, '', 'linux', 'os:beos', 'device:', 'device:laptop', '__proto__');
  });
});
