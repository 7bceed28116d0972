import assert from 'node:assert/strict';
import { prefixesOf, snippetFromCode, tagsOf } from '../../../src/extension/commands/snippetText';
import { maxTitleFromText, titleFromText, titleFromTime } from '../../../src/extension/commands/titles';
import { serverAddress } from '../../../src/extension/host/settings';
import { ago, countersText, entryText } from '../../../src/extension/views/activityText';
import { statusLine, statusLook } from '../../../src/extension/views/statusText';
import { idleStatus } from '../../support/memoryDevice';
import { plainSay } from '../../support/plainSay';

describe('a title from a text', () => {
  it('is its first line that says something, without marks of Markdown', () => {
    assert.equal(titleFromText('\n---\n## Milk and eggs\nmore'), 'Milk and eggs');
    assert.equal(titleFromText('- [ ] ring Ada'), '[ ] ring Ada');
    assert.equal(titleFromText('日本語のメモ'), '日本語のメモ');
    assert.equal(titleFromText(' \n***\n'), undefined);
  });

  it('is cut at a word', () => {
    const title = titleFromText('word '.repeat(40));
    assert.ok(title && [...title].length <= maxTitleFromText + 1);
    assert.match(title, /word…$/);
  });

  it('is the moment when there is no text', () => {
    assert.match(titleFromTime(0), /^Note (1970-01-01|1969-12-31) \d\d\.\d\d$/);
  });
});

describe('a snippet from selected code', () => {
  it('has what the snippet syntax would read escaped', () => {
    assert.equal(snippetFromCode('echo "$HOME \\ {x}"'), 'echo "\\$HOME \\\\ {x\\}"');
  });

  it('loses the indentation that all lines share', () => {
    assert.equal(snippetFromCode('    if (a) {\n\n      b();\n    }'), 'if (a) {\n\n  b();\n\\}');
    assert.equal(snippetFromCode('\ta\n\t\tb'), 'a\n\tb');
  });

  it('reads prefixes and tags as a person writes them', () => {
    assert.deepEqual(prefixesOf('log, clog  log'), ['log', 'clog']);
    assert.deepEqual(tagsOf(' #work, home plan,, work'), ['work', 'home plan']);
  });
});

describe('the status in words', () => {
  it('tells conflicts, what is wrong and what waits', () => {
    assert.equal(statusLook(undefined, plainSay).tone, 'plain');
    assert.equal(statusLook(idleStatus, plainSay).text, '$(check) Scratch');
    assert.equal(statusLook({ ...idleStatus, openConflicts: 2 }, plainSay).text, '$(git-merge) Scratch 2');
    assert.equal(statusLook({ ...idleStatus, openConflicts: 2 }, plainSay).tone, 'warning');
    const offline = statusLook({ ...idleStatus, state: 'offline', pending: 1 }, plainSay);
    assert.deepEqual(
      [offline.words, offline.tone],
      ['Scratch Sync: offline, 1 change waits to be pushed', 'plain'],
    );
    const guard = { changed: 40, total: 50, snapshot: 's' };
    assert.equal(statusLook({ ...idleStatus, state: 'attention', guard }, plainSay).tone, 'error');
  });

  it('says who is signed in where', () => {
    assert.equal(statusLine(idleStatus, plainSay), 'ada on laptop · nothing waits to be pushed');
    assert.equal(
      statusLine({ ...idleStatus, login: null }, plainSay),
      'Not signed in: items stay on this device',
    );
  });
});

describe('the activity in words', () => {
  const entry = {
    ...({
      at: '2026-01-02T03:04:05.000Z',
      trigger: 'save',
      pushed: 0,
      pulled: 0,
      merged: 0,
      conflicts: 0,
    } as const),
    ...{ durationMs: 1, cursor: null, bytesSent: 0, bytesReceived: 0, pullMs: 0, mergeMs: 0, pushMs: 0 },
  };

  it('tells what all syncs did and cost', () => {
    const { line, figures } = countersText(
      {
        cycles: { succeeded: 199, failed: 1 },
        conflictsResolved: { automatically: 1, byPerson: 2 },
        pulls: { count: 200, totalMs: 3000, p50Ms: 9, p95Ms: 40 },
        pushes: { count: 0, totalMs: 0, p50Ms: null, p95Ms: null },
        bytesSent: 10,
        bytesReceived: 20,
      },
      plainSay,
    );
    assert.equal(line, '200 syncs, 99 % succeeded');
    assert.match(
      figures,
      /1 conflict merged, 2 resolved by hand\nmean time: pull 15 ms, push –\np50 \/ p95: pull 9 \/ 40 ms, push –\n/,
    );
    assert.equal(countersText(idleStatus.counters, plainSay).line, '');
  });

  it('tells what a cycle did, or why it failed', () => {
    assert.equal(entryText({ ...entry, pushed: 1, conflicts: 2 }, plainSay), '1 pushed, 2 conflicts');
    assert.equal(entryText({ ...entry, resealed: 7 }, plainSay), '7 sealed with the new key');
    assert.equal(
      entryText({ ...entry, error: 'The server is not reachable.' }, plainSay),
      'The server is not reachable.',
    );
  });

  it('tells how long ago', () => {
    assert.deepEqual(
      [0, 59_000, 61_000, 3_700_000, 90_000_000, 180_000_000].map(passed => ago(0, passed, plainSay)),
      ['just now', 'just now', '1 min ago', '1 h ago', '1 day ago', '2 days ago'],
    );
  });
});

describe('the address of a server', () => {
  it('is taken without what people add by habit', () => {
    assert.equal(serverAddress(' https://Scratch.example/ '), 'https://scratch.example');
    assert.equal(serverAddress('https://example.com/scratch/'), 'https://example.com/scratch');
  });

  it('is refused when it is none, or carries more', () => {
    for (const text of [
      '',
      'scratch.example',
      'ftp://x',
      'https://a:b@x',
      'https://x/?q=1',
      'https://x/#y',
      'http://x',
      'http://127.0.0.2:8787',
      7,
    ]) {
      assert.equal(serverAddress(text), undefined);
    }
  });
});
