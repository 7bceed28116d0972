import assert from 'node:assert/strict';
import { dayMs, hourMs, minuteMs, secondMs } from '../../src/base/time';
import { parseStamp } from '../../src/model/ids/stamp';
import { readState } from '../../src/store/state';
import { leaseTermMs } from '../../src/store/synced/lease';
import { resolveConflict } from '../../src/sync/edits/resolveConflict';
import type { HttpAnswer, HttpRequest } from '../../src/sync/transport/http';
import { healingScenes } from './healingScenes';
import { interruptionScenes } from './interruptionScenes';
import { ruleScenes } from './ruleScenes';
import { scheduleScenes } from './scheduleScenes';
import { Stage } from './stage';

/**
 * Scenes without chance: what must hold at exactly these moments. Each throws when it does not. They are tests, and
 * what the mutants of the engine have to play first.
 */
export const scenarios: Readonly<Record<string, () => Promise<void>>> = {
  ...healingScenes,
  ...interruptionScenes,
  ...ruleScenes,
  ...scheduleScenes,

  'a device ten years ahead syncs and neither wins nor hinders': () => clockIsOff(10 * yearMs),
  'a device at 1970 syncs and neither loses nor hinders': () => clockIsOff(-55 * yearMs),

  async 'a clock that jumps in the middle of a cycle does no harm'() {
    const stage = await Stage.open(2);
    const id = await stage.create(0, 'before');
    await stage.syncAll();
    await stage.retitle(1, id, 'in the cycle');
    stage.world.time.after(60, () => stage.device(1).wall.jump(3 * yearMs));
    await stage.sync(1);
    await stage.pass(minuteMs);
    await stage.syncAll();
    await stage.retitle(0, id, 'after');
    await stage.syncAll();
    assert.equal((await stage.item(1, id))?.content.title, 'after');
    await assertTrueTime(stage, 1, id);
    await stage.settleAndClose();
  },

  async 'what was written while the clock was wrong is ordered by true time once it is known'() {
    const stage = await Stage.open(2);
    const id = await stage.create(0, 'before');
    await stage.syncAll();
    stage.device(0).wall.jump(10 * yearMs);
    await stage.retitle(0, id, 'written first');
    await stage.pass(minuteMs);
    await stage.retitle(1, id, 'written later');
    await stage.syncAll();
    assert.equal((await stage.item(0, id))?.content.title, 'written later');
    await stage.settleAndClose();
  },

  async 'what is restored in an account made anew does not meet its own past'() {
    const stage = await Stage.open(2);
    const id = await stage.create(0, 'note');
    await stage.syncAll();
    await stage.remove(0, id);
    await stage.world.take({ type: 'wipe', atMs: minuteMs, salt: 1 });
    await stage.edit(0, id, content => content);
    await stage.retitle(0, id, 'restored');
    await stage.syncAll();
    assert.equal((await stage.item(1, id))?.content.title, 'restored');
    assert.deepEqual(await stage.records(1), []);
    await stage.settleAndClose();
  },

  async 'a step of the clock of the server is not followed'() {
    const stage = await Stage.open(2);
    const id = await stage.create(0, 'before');
    await stage.syncAll();
    stage.world.server.jump(dayMs);
    await stage.syncAll();
    await stage.retitle(0, id, 'after');
    await assertTrueTime(stage, 0, id);
    stage.world.server.jump(-dayMs);
    await stage.settleAndClose();
  },

  async 'an old version in a new guise is reported and not applied'() {
    const stage = await Stage.open(2);
    const id = await stage.create(0, 'old');
    await stage.syncAll();
    let old: string | undefined;
    stage.device(1).network.tamper(({ method, url }, answer) => {
      if (method !== 'GET' || !url.includes('/changes?')) return answer;
      const page = JSON.parse(Buffer.from(answer.body).toString('utf8'));
      if (old !== undefined) page.changes.push({ ...JSON.parse(old), version: 9 });
      return bodied(answer, page);
    });
    old = await pulledVersion(stage, id);
    await stage.retitle(0, id, 'new');
    await stage.sync(0);
    await stage.sync(1);
    await stage.sync(1);
    assert.equal((await stage.item(1, id))?.content.title, 'new');
    await stage.close();
  },

  async 'a base of the right version and the wrong stamp is refused'() {
    const stage = await Stage.open(2);
    const id = await stage.create(0, 'first');
    await stage.syncAll();
    await stage.retitle(0, id, 'second');
    const answers: string[] = [];
    const { network } = stage.device(0);
    network.tamper((request, answer) => {
      if (request.method === 'POST') answers.push(Buffer.from(answer.body).toString('utf8'));
      return answer;
    });
    network.alter(body => body.replace(/"baseTimestamp":"[^"]+"/, `"baseTimestamp":"${otherStamp}"`));
    await stage.sync(0);
    assert.match(answers[0] ?? '', /"status":"conflict"/);
    await stage.close();
  },

  async 'a mass deletion waits for an answer, and holds what is pushed as well'() {
    const stage = await Stage.open(2);
    const ids = [];
    for (let number = 0; number < 20; number++) ids.push(await stage.create(0, `item ${number}`));
    await stage.syncAll();
    for (const id of ids.slice(0, 12)) await stage.remove(0, id);
    await stage.sync(0);
    const mine = await stage.create(1, 'mine');
    for (let attempt = 0; attempt < 2; attempt++) {
      assert.match(await stage.sync(1, false), /^massChange/);
      assert.equal(await liveItems(stage, 1), 21);
      await stage.sync(0);
      assert.equal(await stage.item(0, mine), undefined);
    }
    assert.equal(await stage.sync(1, true), 'done');
    await stage.sync(0);
    assert.equal(await liveItems(stage, 1), 9);
    assert.equal((await stage.item(0, mine))?.content.title, 'mine');
    await stage.settleAndClose();
  },

  async 'a window that wakes in the middle of a cycle commits nothing of a stale page'() {
    const stage = await Stage.open(2, { windows: 2 });
    const id = await stage.create(0, 'first');
    await stage.syncAll();
    await stage.retitle(0, id, 'second');
    await stage.sync(0);
    const device = stage.device(1);
    const sleeper = await device.window(0);
    const other = await device.window(1);
    let slept: string | undefined;
    device.network.tamper((_, answer) => {
      device.network.tamper(undefined);
      sleeper.process.sleep(5 * minuteMs);
      return answer;
    });
    void sleeper.control.runNow('command', 'accept').then(done => {
      slept = done.ok ? 'done' : done.error.code;
    });
    await stage.pass(leaseTermMs + secondMs);
    let woken: string | undefined;
    void other.control.runNow('command', 'accept').then(done => {
      woken = done.ok ? 'done' : done.error.code;
    });
    await stage.pass(minuteMs);
    assert.equal(woken, 'done');
    const fence = await stage.read(1, store => readState(store, 'fence'));
    await stage.pass(10 * minuteMs);
    assert.notEqual(slept, 'done');
    assert.equal(await stage.read(1, store => readState(store, 'fence')), fence);
    await stage.settleAndClose();
  },

  async 'two devices that resolve one record at once agree, and no record arises of it'() {
    const stage = await Stage.open(2);
    const { id } = await stage.overlap();
    for (const number of [0, 1]) {
      const [record] = await stage.records(number);
      assert(record);
      await stage.inWindow(number, context =>
        resolveConflict(context, record, { keep: 'merge', body: `resolved on ${number}` }),
      );
      await stage.pass(secondMs);
    }
    await stage.syncAll(3);
    for (const number of [0, 1]) {
      const records = await stage.records(number);
      assert.equal(records.length, 1);
      assert.equal(records[0]?.state, 'resolved');
      assert.equal((await stage.item(number, id))?.content.body, 'resolved on 1');
    }
    await stage.close();
  },

  async 'a pair that meets on both sides at once has one record everywhere'() {
    const stage = await Stage.open(3);
    await stage.overlap();
    await stage.syncAll(3);
    for (const number of [0, 1, 2]) assert.equal((await stage.records(number)).length, 1);
    await stage.settleAndClose();
  },

  async 'everything is sealed anew after a rotation, while others edit, and nothing meets'() {
    const stage = await Stage.open(3);
    const ids = [];
    for (let number = 0; number < 12; number++) ids.push(await stage.create(0, `item ${number}`));
    const [first, second, third] = ids;
    assert(first && second && third);
    await stage.syncAll();
    await stage.retitle(1, first, 'before it was sealed anew');
    await stage.world.rotate(0);
    await stage.sync(0);
    await stage.retitle(0, second, 'after it was sealed anew');
    await stage.retitle(2, third, 'by a device without the key');
    // Each that lacks the key says so once, and gets the password.
    for (const number of [1, 2]) assert.match(await stage.sync(number), /^keyMissing/);
    await stage.syncAll(3);
    assert.equal((await stage.item(2, first))?.content.title, 'before it was sealed anew');
    assert.equal((await stage.item(0, third))?.content.title, 'by a device without the key');
    for (const number of [0, 1, 2]) assert.deepEqual(await stage.records(number), []);
    await stage.settleAndClose();
  },

  async 'an idle cycle is one request with an empty answer, and writes nothing'() {
    const stage = await Stage.open(2);
    await stage.create(0, 'something');
    await stage.syncAll();
    for (const number of [0, 1]) {
      const { network } = stage.device(number);
      let answer: HttpAnswer | undefined;
      network.tamper((_, told) => {
        answer = told;
        return told;
      });
      network.takeRequests();
      const before = await writes(stage, number);
      assert.equal(await stage.sync(number, false), 'done');
      assert.equal(network.takeRequests().length, 1);
      assert.equal(await writes(stage, number), before);
      assert.deepEqual(JSON.parse(Buffer.from(answer?.body ?? []).toString('utf8')).changes, []);
      assert(answer && answer.body.length < 300, `${answer?.body.length} bytes`);
    }
    await stage.settleAndClose();
  },
};

const yearMs = 365 * dayMs;
const otherStamp = '0000000000000001-0000-00000000000000aa';

/** One device's clock is far off from the start: it syncs, the other one is not affected, and order is by true time. */
async function clockIsOff(byMs: number): Promise<void> {
  const stage = await Stage.open(2);
  stage.device(0).wall.jump(byMs);
  const id = await stage.create(0, 'by the one that is off');
  await stage.syncAll();
  await assertTrueTime(stage, 1, id);
  await stage.retitle(1, id, 'by the other');
  await stage.pass(minuteMs);
  await stage.syncAll();
  await stage.retitle(0, id, 'earlier');
  await stage.pass(minuteMs);
  await stage.retitle(1, id, 'later');
  await stage.syncAll(3);
  for (const number of [0, 1]) {
    assert.equal((await stage.item(number, id))?.content.title, 'later');
    await assertTrueTime(stage, number, id);
  }
  await stage.settleAndClose();
}

/** The item's stamp is of the last quarter of an hour by true time. */
async function assertTrueTime(stage: Stage, number: number, id: Parameters<Stage['item']>[1]): Promise<void> {
  const item = await stage.item(number, id);
  assert(item);
  const agoMs = stage.world.time.nowMs - parseStamp(item.lastModified).millis;
  assert(agoMs > -secondMs && agoMs < hourMs / 4, `the stamp is ${agoMs} ms old`);
}

async function liveItems(stage: Stage, number: number): Promise<number> {
  return stage.read(number, store =>
    Number(store.sql.get('SELECT count(*) AS count FROM items WHERE deleted = 0')?.['count']),
  );
}

/** Grows with every row that is written. */
async function writes(stage: Stage, number: number): Promise<number> {
  return stage.read(number, store => Number(store.sql.get('SELECT total_changes() AS count')?.['count']));
}

/** The version of an item as a device pulls it that knows nothing yet. */
async function pulledVersion(stage: Stage, id: string): Promise<string> {
  let found: string | undefined;
  const { network } = stage.device(0);
  network.tamper((request: HttpRequest, answer) => {
    if (request.method === 'GET') {
      const page = JSON.parse(Buffer.from(answer.body).toString('utf8'));
      for (const each of page.changes ?? []) if (each.itemId === id) found = JSON.stringify(each);
    }
    return answer;
  });
  await stage.device(0).forgetCursor();
  await stage.sync(0);
  network.tamper(undefined);
  assert(found !== undefined);
  return found;
}

function bodied(answer: HttpAnswer, body: unknown): HttpAnswer {
  return { ...answer, body: new TextEncoder().encode(JSON.stringify(body)) };
}
