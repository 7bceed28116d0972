import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { unwrap } from '../../../src/base/result';
import { openWindow, type TestWindow } from '../../support/memoryCore';
import { createTestServer } from '../../support/testServer';

const server = 'http://127.0.0.1:8787';
const login = { server, login: 'ada' };
const codeOf = (result: { ok: boolean; error?: { code: string } }) => result.error?.code;
const syncNow = (window: TestWindow) => window.sync.now({ trigger: 'command' });

async function twoDevices(titles: readonly string[]) {
  const { app } = await createTestServer();
  const fetch = (request: Request) => app.fetch(request);
  const laptop = await openWindow({ fetch });
  const desktop = await openWindow({ fetch });
  unwrap(await laptop.account.signUp({ ...login, password: 'pass word', deviceName: 'laptop' }));
  unwrap(
    await desktop.account.signIn({ ...login, deviceName: 'desktop', secret: { password: 'pass word' } }),
  );
  const ids: string[] = [];
  for (const title of titles) ids.push(await add(laptop, title));
  for (const device of [laptop, desktop]) unwrap(await syncNow(device));
  return { laptop, desktop, ids };
}

const add = async (window: TestWindow, title: string): Promise<string> =>
  unwrap(await window.items.create({ kind: 'note', title, body: `${title}\n` })).id;

/** The titles and texts of the live items. */
async function held(window: TestWindow): Promise<readonly string[]> {
  const items = unwrap(await window.items.list({}));
  const texts = await Promise.all(items.map(async ({ id }) => unwrap(await window.items.get(id))));
  return texts.map(({ title, body }) => `${title}: ${body}`.trimEnd()).sort();
}

describe('rejecting a mass change', () => {
  it('sets back what was deleted or overwritten, everywhere, and nothing else', async () => {
    const { laptop, desktop, ids } = await twoDevices(['one', 'two', 'three', 'four', 'five']);
    const [one = '', two = '', three = '', four = '', five = ''] = ids;
    for (const id of [one, two, three]) unwrap(await laptop.items.delete(id));
    unwrap(await laptop.items.update(four, { body: 'overwritten\n' }));
    await add(laptop, 'new on the laptop');
    unwrap(await syncNow(laptop));

    assert.equal(codeOf(await syncNow(desktop)), 'massChange');
    await add(desktop, 'new on the desktop');
    unwrap(await desktop.items.update(one, { body: 'edited while held\n' }));
    for (const { time } of [laptop, desktop]) await time.advance(60_000);
    unwrap(await laptop.items.update(five, { body: 'edited after that\n' }));
    unwrap(await syncNow(laptop));

    unwrap(await desktop.sync.rejectMassChange());
    assert.equal(unwrap(await desktop.sync.status()).guard, undefined);
    for (const device of [laptop, desktop, laptop]) unwrap(await syncNow(device));
    const expected = [
      'five: edited after that',
      'four: four',
      'new on the desktop: new on the desktop',
      'new on the laptop: new on the laptop',
      'one: edited while held',
      'three: three',
      'two: two',
    ];
    assert.deepEqual(await held(desktop), expected);
    assert.deepEqual(await held(laptop), expected);
    assert.equal(unwrap(await desktop.items.history(four)).length, 3, 'with what was rejected');
  });

  it('leaves what was written since on an item that it had overwritten', async () => {
    const { laptop, desktop, ids } = await twoDevices(['one', 'two', 'three', 'four', 'five']);
    const [one = ''] = ids;
    for (const id of ids) unwrap(await laptop.items.update(id, { body: 'overwritten\n' }));
    unwrap(await syncNow(laptop));
    assert.equal(codeOf(await syncNow(desktop)), 'massChange');
    for (const { time } of [laptop, desktop]) await time.advance(60_000);
    unwrap(await laptop.items.update(one, { body: 'written since\n' }));
    unwrap(await syncNow(laptop));
    unwrap(await desktop.sync.rejectMassChange());
    assert.deepEqual(await held(desktop), [
      'five: five',
      'four: four',
      'one: written since',
      'three: three',
      'two: two',
    ]);
  });

  it('is asked again when another mass change has come meanwhile', async () => {
    const { laptop, desktop, ids } = await twoDevices(['one', 'two', 'three', 'four', 'five', 'six']);
    for (const id of ids.slice(0, 3)) unwrap(await laptop.items.delete(id));
    unwrap(await syncNow(laptop));
    assert.equal(codeOf(await syncNow(desktop)), 'massChange');
    for (const window of [laptop, desktop]) await window.time.advance(60_000);
    for (const id of ids.slice(3)) unwrap(await laptop.items.delete(id));
    unwrap(await syncNow(laptop));
    assert.equal(codeOf(await desktop.sync.rejectMassChange()), 'massChange');
    unwrap(await desktop.sync.rejectMassChange());
    unwrap(await syncNow(laptop));
    assert.equal((await held(desktop)).length, 6);
    assert.equal((await held(laptop)).length, 6);
  });

  it('needs one that waits', async () => {
    const { desktop } = await twoDevices(['one']);
    assert.equal(codeOf(await desktop.sync.rejectMassChange()), 'badInput');
  });
});
