import assert from 'node:assert/strict';
import fc from 'fast-check';
import { emptyContent } from '../../../src/model/content';
import { removeItem } from '../../../src/store/items';
import { Payloads } from '../../../src/store/payloads';
import {
  compactSearchIndex,
  continueSearchIndex,
  isSearchIndexWhole,
  leaveNewRows,
  restartSearchIndex,
} from '../../../src/store/search/searchIndex';
import { searchItems } from '../../../src/store/search/searchItems';
import type { Store } from '../../../src/store/store';
import { inStore, itemId, note, openMemoryStore, putItem, testCipher } from '../../support/storeFixture';

describe('searchItems', () => {
  let store: Store;
  beforeEach(async () => {
    store = await openMemoryStore();
  });
  afterEach(() => store.close());

  const find = (query: string, limit = 10) =>
    inStore(store, tx => searchItems(tx, query, limit).map(hit => hit.item.content?.title));
  const hold = (...titles: readonly (readonly [title: string, body: string])[]) =>
    inStore(store, tx => {
      for (const [index, [title, body]] of titles.entries()) {
        putItem(tx, itemId(index + 1), note(title, body), index + 1);
      }
    });

  const scripts: readonly (readonly [
    text: string,
    finding: readonly string[],
    missing: readonly string[],
  ])[] = [
    ['我喜欢吃北京烤鸭', ['北京', '烤鸭', '北京烤鸭', '吃', '鸭'], ['京北', '上海']],
    ['東京都に行きました', ['東京', '京都', '行き', 'に'], ['大阪', '都東']],
    ['データベースのｶﾞｲﾄﾞ', ['データ', 'ベース', 'ガイド'], ['テーブル']],
    ['고양이가 잠을 잔다', ['고양이', '양이', '잠을', '잔'], ['강아지']],
    ['ภาษาไทยเขียนติดกัน', ['ไทย', 'ภาษา', 'เขียน'], ['อังกฤษ']],
    ['اللُّغَة العربية جميلة', ['العربية', 'اللغة', 'جميل'], ['فارسی']],
    ['שָׁלוֹם עולם', ['שלום', 'עולם'], ['ערב']],
    ['Привет, Мир', ['привет', 'МИР', 'прив'], ['мира']],
    ['हिन्दी में लिखना', ['हिन्दी', 'लिखना'], ['लिखा']],
    ['Crème brûlée à la Straße', ['creme', 'BRULEE', 'strasse', 'Crème'], ['brulees']],
    ['Ελληνικός ΦΙΛΌΣΟΦΟΣ', ['ελληνικος', 'φιλόσοφος'], ['ρωμαικος']],
    ['İstanbul ve ığdır', ['istanbul', 'igdir'], ['ankara']],
    ['release 2026年7月 v1.2.3', ['2026年', '7月', 'v1.2.3', '2.3', 'v1'], ['2025']],
  ];
  for (const [text, finding, missing] of scripts) {
    it(`finds words in "${text}"`, async () => {
      await hold(['other', 'nothing of that'], ['here', text]);
      for (const query of finding) assert.deepEqual(await find(query), ['here'], query);
      for (const query of missing) assert.deepEqual(await find(query), [], query);
    });
  }

  it('finds an identifier by its words, by their beginnings and whole', async () => {
    await hold(['here', 'call fooBar_baz(HTTPServer2.listen)'], ['other', 'foo and far']);
    for (const query of [
      'bar',
      'baz',
      'foobar_baz',
      'fooBar_baz',
      'FOOBARBAZ',
      'fooBar',
      'foobar',
      'bar_baz',
      'ba',
    ]) {
      const titles = await find(query);
      assert.deepEqual(titles, query === 'ba' ? [] : ['here'], query);
    }
    for (const query of ['httpserver', 'server2', 'HTTPServer2.listen', 'http', '"foo bar baz"']) {
      assert.deepEqual(await find(query), ['here'], query);
    }
    assert.deepEqual(new Set(await find('foo')), new Set(['here', 'other']));
  });

  it('takes the last word for the beginning of one, but not a quoted one', async () => {
    await hold(['kubernetes', 'cluster notes'], ['other', 'clustering']);
    assert.deepEqual(await find('notes clus'), ['kubernetes']);
    assert.deepEqual(await find('clus notes'), []);
    assert.deepEqual(await find('"clus"'), []);
    assert.deepEqual(await find('"cluster"'), ['kubernetes']);
  });

  it('finds titles by one or two letters', async () => {
    await hold(['kubernetes', ''], ['other', 'kubernetes']);
    assert.deepEqual(await find('k'), ['kubernetes']);
    assert.deepEqual(await find('ku'), ['kubernetes']);
    assert.deepEqual(await find('kub'), ['kubernetes', 'other']);
  });

  it('asks for every word, and for quoted ones as they stand', async () => {
    await hold(['one', 'red green blue'], ['two', 'green red'], ['three', 'red']);
    assert.deepEqual(new Set(await find('red green')), new Set(['one', 'two']));
    assert.deepEqual(await find('"red green"'), ['one']);
    assert.deepEqual(await find('“red green” blue'), ['one']);
  });

  it('puts titles before labels, and labels before bodies', async () => {
    await inStore(store, tx => {
      putItem(tx, itemId(1), note('docker', 'nothing'), 1);
      putItem(tx, itemId(2), note('two', 'nothing', { tags: ['docker'] }), 2);
      putItem(tx, itemId(3), note('three', 'docker docker docker and a lot more of other words'), 3);
      putItem(tx, itemId(4), note('four', `docker once in ${'very '.repeat(50)} much`), 4);
    });
    assert.deepEqual(await find('docker'), ['docker', 'two', 'three', 'four']);
  });

  it('finds a title among more items than are ranked', async () => {
    await inStore(store, tx => {
      putItem(tx, itemId(1), note('deploy', 'the first and only'), 1);
      for (let number = 2; number < 1500; number++) {
        putItem(tx, itemId(number), note(`${number}`, 'how to deploy'), number);
      }
    });
    assert.equal((await find('deploy'))[0], 'deploy');
  });

  it('finds tags, languages, prefixes, descriptions, targets and overlays', async () => {
    await inStore(store, tx => {
      const snippet = emptyContent('snippet', 'loop');
      assert(snippet.kind === 'snippet');
      putItem(
        tx,
        itemId(1),
        { ...snippet, languages: ['rust'], prefixes: ['forin'], description: 'walks a list', tags: ['iter'] },
        1,
      );
      const config = emptyContent('config', 'editor');
      assert(config.kind === 'config');
      putItem(tx, itemId(2), { ...config, target: 'settings', overlays: { 'os:linux': '{"zoom":1}' } }, 2);
    });
    for (const query of ['rust', 'forin', 'walks', 'iter'])
      assert.deepEqual(await find(query), ['loop'], query);
    for (const query of ['settings', 'zoom']) assert.deepEqual(await find(query), ['editor'], query);
  });

  it('follows edits, deletions, restores and removals', async () => {
    await hold(['first', 'alpha']);
    await inStore(store, tx => putItem(tx, itemId(1), note('second', 'beta'), 2));
    assert.deepEqual(await find('alpha'), []);
    assert.deepEqual(await find('beta'), ['second']);
    await inStore(store, tx => putItem(tx, itemId(1), note('second', 'beta'), 3, true));
    assert.deepEqual(await find('beta'), []);
    await inStore(store, tx => putItem(tx, itemId(1), note('second', 'beta'), 4));
    assert.deepEqual(await find('beta'), ['second']);
    await inStore(store, tx => removeItem(tx, itemId(1)));
    assert.deepEqual(await find('beta'), []);
    assert.deepEqual(await inStore(store, tx => tx.sql.get('SELECT count(*) AS rows FROM search_source')), {
      rows: 0,
    });
  });

  it('never finds a sensitive item, nor one that has become sensitive', async () => {
    await inStore(store, tx => {
      putItem(tx, itemId(1), note('secret', 'pass phrase', { sensitive: true }), 1);
      putItem(tx, itemId(2), note('open', 'pass phrase'), 2);
    });
    assert.deepEqual(await find('phrase'), ['open']);
    await inStore(store, tx => putItem(tx, itemId(2), note('open', 'pass phrase', { sensitive: true }), 3));
    assert.deepEqual(await find('phrase'), []);
  });

  it('looks through the items themselves where the policy encrypts all of them', async () => {
    store.usePayloads(new Payloads(testCipher(), 'all'));
    await inStore(store, tx => {
      putItem(tx, itemId(1), note('plain', 'pass phrase'), 1);
      putItem(tx, itemId(2), note('phrase', 'pass'), 2);
      putItem(tx, itemId(3), note('secret', 'pass phrase', { sensitive: true }), 3);
    });
    assert.deepEqual(await find('pass phr'), ['phrase', 'plain']);
    store.usePayloads(new Payloads(undefined, 'all'));
    assert.deepEqual(await find('pass'), []);
  });

  it('shows where it found what', async () => {
    const body = `${'before '.repeat(30)}\n\nthe  needle of\tfooBar\nis here ${'after '.repeat(60)}`;
    await hold(['title', body]);
    const [hit] = await inStore(store, tx => searchItems(tx, 'needle foob', 1));
    assert(hit);
    assert.match(hit.excerpt.text, /^…the needle of fooBar is here after .*…$/);
    assert.deepEqual(
      hit.excerpt.highlights.map(([start, end]) => hit.excerpt.text.slice(start, end)),
      ['needle', 'fooBar'],
    );
  });

  it('shows matches in scripts without spaces', async () => {
    await hold(['title', '我喜欢吃北京烤鸭']);
    const [hit] = await inStore(store, tx => searchItems(tx, '北京烤', 1));
    assert.deepEqual(hit?.excerpt, { text: '我喜欢吃北京烤鸭', highlights: [[4, 7]] });
  });

  it('answers every query, however odd, without an error', async () => {
    await hold(['title', 'AND OR NOT NEAR title:x "quoted" (paren) * ^ - ½ ⑴ \u0000 \ud800']);
    const odd = [
      '',
      '   ',
      '"',
      '""',
      '*',
      'AND',
      'a AND',
      'NOT',
      'NEAR/2',
      'title:',
      'title:x',
      '(',
      ')',
      '((a',
      '-a',
      "'; DROP TABLE items; --",
      '⑴',
      '½',
      '\u0000',
      '\ud800',
      'a*b',
      'x'.repeat(100_000),
      'a '.repeat(5000),
      '"a b',
      '\ue001t',
    ];
    for (const query of odd) assert(Array.isArray(await find(query)), query);
    await fc.assert(
      fc.asyncProperty(
        fc.string({
          unit: fc.oneof(
            fc.constantFrom('"', '*', '(', ')', ':', ' ', '-', 'a', 'OR', 'AND'),
            fc.string({ unit: 'binary', maxLength: 3 }),
          ),
        }),
        async query => {
          await find(query);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('finds every word and every beginning of three letters of what it holds', async () => {
    const letters = fc.stringMatching(/^[a-zA-Zéß_日本語한국กข0-9]{1,12}$/);
    await fc.assert(
      fc.asyncProperty(fc.array(letters, { minLength: 1, maxLength: 8 }), async words => {
        await inStore(store, tx => putItem(tx, itemId(1), note('title', words.join(' ')), 1));
        for (const word of words) {
          if (!/[^_]/.test(word)) continue;
          assert.deepEqual(await find(`"${word}"`), ['title'], `"${word}" of ${words.join(' ')}`);
          assert.deepEqual(await find(word), ['title'], `${word} of ${words.join(' ')}`);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('finds exactly what the items hold, after any run of writes', async () => {
    const words = ['alpha', 'beta', 'gamma', 'fooBar', '北京', 'naïve'];
    const word = fc.constantFrom(...words);
    const step = fc.record({
      id: fc.integer({ min: 1, max: 3 }),
      title: fc.array(word, { maxLength: 2 }),
      body: fc.array(word, { maxLength: 4 }),
      how: fc.constantFrom('live', 'live', 'deleted', 'sensitive', 'removed'),
      isLastOfWrite: fc.boolean(),
      index: fc.constantFrom('with the write', 'with the write', 'later', 'a row more'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), async steps => {
        const fresh = await openMemoryStore();
        const held = new Map<number, readonly string[]>();
        let write: (typeof steps)[number][] = [];
        for (const [index, next] of steps.entries()) {
          write.push(next);
          if (!next.isLastOfWrite && index < steps.length - 1) continue;
          const now = write;
          await inStore(fresh, tx => {
            if (next.index === 'later') leaveNewRows(tx);
            for (const { id, title, body, how } of now) {
              held.delete(id);
              if (how === 'live') held.set(id, [...title, ...body]);
              const content = note(title.join(' '), body.join(' '), { sensitive: how === 'sensitive' });
              if (how === 'removed') removeItem(tx, itemId(id));
              else putItem(tx, itemId(id), content, index + 1, how === 'deleted');
            }
            if (next.index === 'a row more') continueSearchIndex(tx, 1);
          });
          write = [];
        }
        while (!(await inStore(fresh, tx => continueSearchIndex(tx, 1))));
        for (const wanted of words) {
          const hits = await inStore(fresh, tx => searchItems(tx, wanted, 10));
          const holders = [...held].filter(([, holds]) => holds.includes(wanted)).map(([id]) => itemId(id));
          assert.deepEqual(new Set(hits.map(hit => hit.item.id)), new Set(holders), wanted);
        }
        await fresh.close();
      }),
      { numRuns: 150 },
    );
  });

  it('learns of a large write step by step', async () => {
    const many = Array.from({ length: 40 }, (_, index) => [`title ${index}`, 'word '.repeat(1000)] as const);
    await hold(...many);
    const isWhole = () => inStore(store, isSearchIndexWhole);
    assert.equal(await isWhole(), false);
    assert((await find('word', 50)).length < many.length);
    let steps = 0;
    for (let isDone = false; !isDone; steps++) isDone = await inStore(store, tx => continueSearchIndex(tx));
    assert(steps > 1);
    assert.equal(await isWhole(), true);
    assert.equal((await find('word', 50)).length, many.length);
  });

  it('writes the edits of one transaction as one part, in whatever order they come', async () => {
    const numbers = Array.from({ length: 12 }, (_, index) => index + 1);
    await hold(...numbers.map(number => [`note ${number}`, 'before'] as const));
    const parts = () =>
      inStore(store, tx => Number(tx.sql.get('SELECT count(*) AS parts FROM search_segdir')?.['parts']));
    await inStore(store, compactSearchIndex);
    const before = await parts();
    await inStore(store, tx => {
      for (const number of numbers.toReversed())
        putItem(tx, itemId(number), note(`note ${number}`, 'after'), 20);
    });
    // One for the words, and one for each of the two lengths of their beginnings.
    assert.equal((await parts()) - before, 3);
    assert.deepEqual(await find('before'), []);
    assert.equal((await find('after', 20)).length, numbers.length);
  });

  it('takes writes while it is built anew', async () => {
    await hold(['one', 'alpha'], ['two', 'alpha'], ['three', 'alpha'], ['four', 'alpha']);
    await inStore(store, tx => {
      restartSearchIndex(tx);
      continueSearchIndex(tx, 2);
      putItem(tx, itemId(1), note('one', 'beta'), 10);
      putItem(tx, itemId(4), note('four', 'beta'), 11);
      putItem(tx, itemId(5), note('five', 'beta'), 12);
    });
    assert.deepEqual(await find('beta'), ['one']);
    while (!(await inStore(store, tx => continueSearchIndex(tx, 2))));
    assert.deepEqual(new Set(await find('beta')), new Set(['five', 'four', 'one']));
    assert.deepEqual(new Set(await find('alpha')), new Set(['three', 'two']));
  });
});
