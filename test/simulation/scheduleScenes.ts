import assert from 'node:assert/strict';
import { minuteMs, secondMs } from '../../src/base/time';
import { Stage } from './stage';

/** Scenes in which no one tells a device to sync. */
export const scheduleScenes: Readonly<Record<string, () => Promise<void>>> = {
  async 'what is saved on one device is there on the others within seconds, without a command'() {
    const stage = await Stage.open(3, { syncsItself: true });
    await stage.pass(minuteMs);
    const id = await stage.create(0, 'saved');
    await stage.pass(5 * secondMs);
    for (const number of [1, 2]) assert.equal((await stage.item(number, id))?.content.title, 'saved');
    await stage.settleAndClose();
  },

  async 'a device that no event reaches asks from time to time'() {
    const stage = await Stage.open(2, { syncsItself: true });
    await stage.pass(minuteMs);
    stage.device(1).network.deafen();
    const id = await stage.create(0, 'unheard of');
    await stage.pass(minuteMs);
    assert.equal(await stage.item(1, id), undefined);
    await stage.pass(6 * minuteMs);
    assert.equal((await stage.item(1, id))?.content.title, 'unheard of');
    await stage.settleAndClose();
  },

  async 'a device that was cut off goes on by itself'() {
    const stage = await Stage.open(2, { syncsItself: true });
    await stage.pass(minuteMs);
    stage.device(1).network.partition(10 * minuteMs);
    const theirs = await stage.create(0, 'theirs');
    const ours = await stage.create(1, 'ours');
    await stage.pass(9 * minuteMs);
    assert.equal(await stage.item(0, ours), undefined);
    assert.equal(await stage.item(1, theirs), undefined);
    await stage.pass(10 * minuteMs);
    assert.equal((await stage.item(0, ours))?.content.title, 'ours');
    assert.equal((await stage.item(1, theirs))?.content.title, 'theirs');
    await stage.settleAndClose();
  },

  async 'events are heard again when the server was started anew'() {
    const stage = await Stage.open(2, { syncsItself: true });
    await stage.pass(minuteMs);
    stage.world.server.dieAtWrite(1, 'after');
    await stage.create(0, 'the last before it');
    await stage.pass(2 * minuteMs);
    const id = await stage.create(0, 'after it');
    await stage.pass(5 * secondMs);
    assert.equal((await stage.item(1, id))?.content.title, 'after it');
    await stage.settleAndClose();
  },

  async 'a second window of a device syncs what the first leaves behind when it dies'() {
    const stage = await Stage.open(2, { syncsItself: true, windows: 2 });
    await stage.device(0).window(1);
    await stage.pass(minuteMs);
    const id = await stage.create(0, 'left behind');
    stage.device(0).liveWindow(0)?.process.kill();
    await stage.pass(6 * minuteMs);
    assert.equal((await stage.item(1, id))?.content.title, 'left behind');
    await stage.settleAndClose();
  },
};
