import assert from 'node:assert/strict';
import { facts, localTime, type Page, pageOf, plain, shown, table } from '../../../src/cli/page';

const page: Page = { columns: 40, paint: (_tone, text) => text, isTerminal: false };

describe('pages for people', () => {
  it('lines up a table and cuts the column that stretches', () => {
    const text = table(
      page,
      [{ title: 'ID' }, { title: 'TITLE', stretches: true }, { title: 'N', alignRight: true }],
      [
        ['1f3a', 'short', '1'],
        ['2f3a', 'a title that is much longer than there is room for', '100'],
      ],
    );
    assert.deepEqual(text.split('\n'), [
      'ID    TITLE                            N',
      '1f3a  short                            1',
      '2f3a  a title that is much longer…   100',
    ]);
  });

  it('counts wide characters as two columns, and never cuts one in half', () => {
    const rows = table(page, [{ title: 'T', stretches: true }, { title: 'N' }], [['漢'.repeat(30), 'x']]);
    assert.equal(rows.split('\n')[1], `${'漢'.repeat(18)}…  x`);
  });

  it('keeps one line one line, and nothing in it steers a terminal', () => {
    assert.equal(plain('a\n b\t c'), 'a b c');
    assert.equal(plain('a\u001b[31mb\u202ec'), 'a\ufffd[31mb\ufffdc');
  });

  it('passes a text on as it is when no person watches', () => {
    assert.equal(shown(page, 'a\u001bb'), 'a\u001bb');
    assert.equal(shown({ ...page, isTerminal: true }, 'a\u001bb\n'), 'a\ufffdb\n');
    assert.equal(shown({ ...page, isTerminal: true }, 'a\u202eb\n'), 'a\ufffdb\n');
  });

  it('leaves out facts without a value', () => {
    assert.equal(
      facts(page, [
        ['id', '1'],
        ['folder', ''],
        ['target', undefined],
        ['title', 'x'],
      ]),
      'id     1\ntitle  x',
    );
  });

  it('shows times of this machine', () => {
    assert.match(localTime('2026-01-02T03:04:05.000Z'), /^2026-01-0[123] \d\d:\d\d$/);
    assert.match(localTime('2026-01-02T03:04:05.000Z', true), /:05$/);
  });

  it('takes the width of a terminal, within reason', () => {
    const sink = { write: () => undefined, isTerminal: true, columns: 10 };
    assert.equal(pageOf(sink, {}).columns, 40);
    assert.equal(pageOf({ ...sink, columns: 120 }, {}).columns, 120);
    assert.equal(pageOf({ ...sink, isTerminal: false }, {}).columns, 80);
  });
});
