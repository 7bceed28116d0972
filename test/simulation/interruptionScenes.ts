import assert from 'node:assert/strict';
import { dayMs, hourMs, secondMs } from '../../src/base/time';
import { resolveConflict } from '../../src/sync/edits/resolveConflict';
import { Stage } from './stage';

/** Scenes in which a cycle, an answer or a clock breaks off at exactly the moment that hurts most. */
export const interruptionScenes: Readonly<Record<string, () => Promise<void>>> = {
  async 'a server whose clock was set back takes what is written then, without a restart of the device'() {
    const stage = await Stage.open(2);
    const old = await stage.create(0, 'old');
    await stage.syncAll();
    stage.world.server.jump(-dayMs);
    await stage.retitle(0, old, 'renamed');
    const young = await stage.create(0, 'young');
    await stage.syncAll();
    assert.equal((await stage.item(1, old))?.content.title, 'renamed');
    assert.equal((await stage.item(1, young))?.content.title, 'young');
    await stage.retitle(1, young, 'renamed as well');
    await stage.syncAll();
    assert.equal((await stage.item(0, young))?.content.title, 'renamed as well');
    await stage.settleAndClose();
  },

  async 'a device that dies while it reads a page reads it again, and need not compare everything'() {
    for (const write of [1, 2, 3]) {
      const stage = await Stage.open(2);
      await stage.create(0, 'first');
      await stage.syncAll();
      const id = await stage.create(0, 'second');
      await stage.sync(0);
      (await stage.device(1).window(0)).process.dieAtWrite(write, 'after');
      await stage.sync(1);
      stage.device(1).network.takeRequests();
      await stage.sync(1);
      assert.equal((await stage.item(1, id))?.content.title, 'second');
      const paths = stage
        .device(1)
        .network.takeRequests()
        .map(({ url }) => new URL(url).pathname);
      assert.ok(!paths.includes('/v1/items'), 'the page was lost, and only the digest told');
      await stage.settleAndClose();
    }
  },

  async 'the halves of a resolution go together, whatever comes between'() {
    const stage = await Stage.open(2);
    const { id, record } = await stage.overlap();
    await stage.inWindow(0, context =>
      resolveConflict(context, record, { keep: 'merge', body: 'one\nof both\nthree\n' }),
    );
    // The resolution leaves and does not arrive; then the other device is faster.
    const { network } = stage.device(0);
    network.tamper(({ method }, answer) => {
      if (method === 'GET') network.partition(hourMs);
      return answer;
    });
    await stage.sync(0);
    await stage.retitle(1, id, 'meanwhile');
    await stage.sync(1);
    // It is sent again, refused for the title, and then the network is gone.
    network.heal();
    network.tamper(({ method }, answer) => {
      if (method === 'POST') network.partition(hourMs);
      return answer;
    });
    await stage.sync(0);
    await stage.sync(1);
    const [seen] = await stage.records(1);
    assert.equal(seen?.state, 'open', 'resolved only with the text that resolves it');
    network.tamper(undefined);
    await stage.pass(hourMs);
    await stage.syncAll(3);
    for (const number of [0, 1]) {
      const states = (await stage.records(number)).flatMap(each =>
        each.id === record.id ? [each.state] : [],
      );
      assert.deepEqual(states, ['resolved']);
      assert.equal((await stage.item(number, id))?.content.body, 'one\nof both\nthree\n');
      assert.equal((await stage.item(number, id))?.content.title, 'meanwhile');
    }
    await stage.close();
  },

  async 'what was deleted and pruned while a device was away is deleted there, and can be restored'() {
    const stage = await Stage.open(2);
    const id = await stage.create(0, 'deleted long ago');
    for (let number = 0; number < 3; number++) await stage.create(0, `kept ${number}`);
    await stage.syncAll();
    await stage.remove(0, id);
    for (let passed = 0; passed < 4; passed++) {
      await stage.create(0, `written after ${passed} times 60 days`);
      await stage.sync(0);
      await stage.sync(0);
      await stage.pass(60 * dayMs);
    }
    await stage.world.server.prune();
    await stage.sync(1);
    await stage.sync(0);
    for (const number of [0, 1]) assert.equal((await stage.item(number, id))?.deleted, true);
    await stage.edit(1, id, content => content);
    await stage.syncAll();
    for (const number of [0, 1]) assert.equal((await stage.item(number, id))?.deleted, false);
    await stage.settleAndClose();
  },

  async 'an edit that is pushed with a resolution does not give way to another resolution'() {
    for (const isInFlight of [false, true]) {
      const stage = await Stage.open(2);
      const { id, record } = await stage.overlap();
      await stage.retitle(0, id, 'renamed before the answer');
      if (isInFlight) {
        const { network } = stage.device(0);
        network.tamper(({ method }, answer) => {
          if (method === 'GET') network.partition(hourMs);
          return answer;
        });
        await stage.sync(0);
        network.tamper(undefined);
      }
      for (const number of [0, 1]) {
        const body = `one\nresolved on ${number}\nthree\n`;
        await stage.inWindow(number, context => resolveConflict(context, record, { keep: 'merge', body }));
        await stage.pass(secondMs);
      }
      await stage.sync(1);
      await stage.pass(hourMs);
      await stage.syncAll(3);
      for (const number of [0, 1]) {
        assert.equal((await stage.item(number, id))?.content.title, 'renamed before the answer');
      }
      await stage.close();
    }
  },

  async 'what a server has accepted and lost, before the cursor came so far, is pushed again'() {
    const stage = await Stage.open(2);
    await stage.create(0, 'old');
    await stage.syncAll();
    const id = await stage.create(0, 'accepted and lost');
    const { network } = stage.device(0);
    const cutAfter = (wanted: string) =>
      network.tamper(({ method }, answer) => {
        if (method === wanted) network.partition(hourMs);
        return answer;
      });
    cutAfter('GET');
    await stage.sync(0);
    await stage.create(1, 'pushed in between');
    await stage.sync(1);
    await stage.world.server.backUp();
    network.heal();
    cutAfter('POST');
    await stage.sync(0);
    network.tamper(undefined);
    network.heal();
    await stage.world.take({ type: 'restore', atMs: 0, salt: 1 });
    await stage.syncAll(3);
    for (const number of [0, 1]) {
      assert.equal((await stage.item(number, id))?.deleted, false);
    }
    await stage.settleAndClose();
  },

  async 'a page that leaves a version out is noticed by the digest, and what it left out is fetched'() {
    const stage = await Stage.open(2);
    await stage.create(0, 'told');
    await stage.syncAll();
    const id = await stage.create(0, 'left out');
    await stage.sync(0);
    stage.device(1).network.tamper(({ method, url }, answer) => {
      if (method !== 'GET' || !url.includes('/changes?')) return answer;
      const page = JSON.parse(Buffer.from(answer.body).toString('utf8'));
      const changes = page.changes.filter((each: { readonly itemId: string }) => each.itemId !== id);
      return { ...answer, body: new TextEncoder().encode(JSON.stringify({ ...page, changes })) };
    });
    await stage.sync(1);
    stage.device(1).network.tamper(undefined);
    await stage.syncAll();
    assert.equal((await stage.item(1, id))?.content.title, 'left out');
    await stage.settleAndClose();
  },
};
