import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { silentLogger } from '../../../../src/base/logger';
import {
  type CycleEnd,
  Scheduler,
  type ScheduleSettings,
  type Trigger,
} from '../../../../src/sync/schedule/scheduler';
import { VirtualTime } from '../../../support/virtualTime';

const second = 1000;
const minute = 60 * second;

interface World {
  readonly time: VirtualTime;
  readonly scheduler: Scheduler;
  readonly runs: { readonly trigger: Trigger; readonly atMs: number }[];
  settings: ScheduleSettings;
  network: string;
  /** What the next cycles answer; then `done`. */
  readonly ends: CycleEnd[];
  fraction: number;
  cycleMs: number;
}

function world(): World {
  const time = new VirtualTime(0);
  const it: World = {
    time,
    runs: [],
    ends: [],
    settings: { enabled: true, onSave: true, onFocus: true, intervalMs: 5 * minute },
    network: 'home',
    fraction: 0.5,
    cycleMs: 0,
    scheduler: new Scheduler({
      clock: time,
      timers: time,
      random: { bytes: length => new Uint8Array(length), uuid: () => '', fraction: () => it.fraction },
      logger: silentLogger,
      settings: () => it.settings,
      networkFingerprint: () => it.network,
      run: async trigger => {
        it.runs.push({ trigger, atMs: time.monotonic() });
        if (it.cycleMs > 0) await time.sleep(it.cycleMs);
        return it.ends.shift() ?? { type: 'done' };
      },
    }),
  };
  return it;
}

async function started(): Promise<World> {
  const it = world();
  it.scheduler.start();
  await it.time.advance(0);
  it.runs.length = 0;
  return it;
}

const failed = (retryAfterMs?: number): CycleEnd => ({ type: 'failed', retryAfterMs });
const triggers = ({ runs }: World) => runs.map(({ trigger }) => trigger);
const times = ({ runs }: World) => runs.map(({ atMs }) => atMs);

describe('the schedule', () => {
  it('begins with a cycle at start', async () => {
    const it = world();
    it.scheduler.start();
    await it.time.advance(0);
    assert.deepEqual(triggers(it), ['start']);
  });

  it('follows a save after a second of quiet', async () => {
    const it = await started();
    it.scheduler.saved();
    await it.time.advance(900);
    it.scheduler.saved();
    await it.time.advance(999);
    assert.deepEqual(triggers(it), []);
    await it.time.advance(1);
    assert.deepEqual(it.runs, [{ trigger: 'save', atMs: 1900 }]);
  });

  it('does not wait longer than five seconds while saving goes on', async () => {
    const it = await started();
    for (let save = 0; save < 24; save++) {
      it.scheduler.saved();
      await it.time.advance(500);
    }
    assert.deepEqual(times(it), [5000, 10_000]);
  });

  it('runs on focus, not more than every ten seconds, and not for a window that has it already', async () => {
    const it = await started();
    it.scheduler.setFocused(true);
    it.scheduler.setFocused(true);
    await it.time.advance(5 * second);
    it.scheduler.setFocused(false);
    it.scheduler.setFocused(true);
    await it.time.advance(5 * second);
    it.scheduler.setFocused(false);
    it.scheduler.setFocused(true);
    await it.time.advance(0);
    assert.deepEqual(it.runs, [
      { trigger: 'focus', atMs: 0 },
      { trigger: 'focus', atMs: 10 * second },
    ]);
  });

  it('runs by the timer while the window is focused only', async () => {
    const it = await started();
    await it.time.advance(11 * minute);
    assert.deepEqual(triggers(it), []);
    it.settings = { ...it.settings, onFocus: false };
    it.scheduler.setFocused(true);
    await it.time.advance(10 * minute);
    assert.deepEqual(triggers(it), ['timer', 'timer']);
  });

  it('does not spin when the interval is set to nothing', async () => {
    const it = world();
    it.settings = { ...it.settings, intervalMs: 0 };
    it.scheduler.start();
    it.scheduler.setFocused(true);
    await it.time.advance(minute);
    assert.ok(it.runs.length < 10, `${it.runs.length} cycles`);
  });

  it('runs one cycle at a time, and once more for all that came meanwhile', async () => {
    const it = await started();
    it.cycleMs = 2 * second;
    it.scheduler.serverEvent();
    await it.time.advance(second);
    for (let event = 0; event < 5; event++) it.scheduler.serverEvent();
    await it.time.advance(10 * second);
    assert.deepEqual(times(it), [0, 2000]);
  });

  it('goes on every second while something is left, without backing off', async () => {
    const it = await started();
    for (let cycle = 0; cycle < 30; cycle++) it.ends.push({ type: 'unfinished', sent: true });
    it.scheduler.serverEvent();
    await it.time.advance(minute);
    assert.deepEqual(
      times(it),
      Array.from({ length: 31 }, (_, cycle) => cycle * second),
    );
    it.scheduler.serverEvent();
    await it.time.advance(0);
    assert.equal(it.runs.length, 32, 'nothing is held back after it');
  });

  it('backs off from cycles that send nothing and leave something, until one is done', async () => {
    const it = await started();
    it.fraction = 1;
    for (let cycle = 0; cycle < 200; cycle++) it.ends.push({ type: 'unfinished', sent: false });
    it.scheduler.serverEvent();
    await it.time.advance(10 * minute);
    assert.ok(it.runs.length < 25, `${it.runs.length} cycles`);
    assert.deepEqual(times(it).slice(0, 3), [0, second, 2 * second]);
    it.ends.splice(0);
    await it.time.advance(10 * minute);
    it.runs.length = 0;
    const beganMs = it.time.monotonic();
    it.ends.push({ type: 'unfinished', sent: false });
    it.scheduler.serverEvent();
    await it.time.advance(minute);
    assert.deepEqual(times(it), [beganMs, beganMs + second]);
  });

  it('does not let a cycle that leaves something end the waiting that failures ask for', async () => {
    const it = await started();
    it.fraction = 1;
    const endless = Array.from(
      { length: 50 },
      (_, cycle): CycleEnd => (cycle % 2 === 0 ? failed() : { type: 'unfinished', sent: true }),
    );
    it.ends.push(...endless);
    it.scheduler.serverEvent();
    await it.time.advance(minute);
    assert.deepEqual(
      times(it).map(atMs => atMs / second),
      [0, 1, 2, 4, 5, 9, 10, 18, 19, 35, 36],
    );
  });

  it('goes on soon when another window was at it', async () => {
    const it = await started();
    it.ends.push({ type: 'again' });
    it.scheduler.serverEvent();
    await it.time.advance(5 * second);
    assert.deepEqual(it.runs, [
      { trigger: 'event', atMs: 0 },
      { trigger: 'retry', atMs: second },
    ]);
  });

  it('backs off after failures, twice as far each time, and ignores what comes meanwhile', async () => {
    const it = await started();
    for (let failure = 0; failure < 4; failure++) it.ends.push(failed());
    it.scheduler.serverEvent();
    await it.time.advance(0);
    it.scheduler.serverEvent();
    it.scheduler.saved();
    it.scheduler.setFocused(true);
    await it.time.advance(minute);
    assert.deepEqual(times(it), [0, 500, 1500, 3500, 7500]);
    it.runs.length = 0;
    it.scheduler.serverEvent();
    await it.time.advance(0);
    assert.deepEqual(triggers(it), ['event'], 'success ends the wait');
  });

  it('waits as long as the server asks for', async () => {
    const it = await started();
    it.ends.push(failed(90 * second));
    it.scheduler.serverEvent();
    await it.time.advance(0);
    it.network = 'train';
    await it.time.advance(89 * second);
    assert.equal(it.runs.length, 1);
    await it.time.advance(second);
    assert.equal(it.runs.length, 2);
  });

  it('tries at once when the network has changed', async () => {
    const it = await started();
    it.fraction = 0.999;
    for (let failure = 0; failure < 8; failure++) it.ends.push(failed());
    it.scheduler.serverEvent();
    await it.time.advance(4 * minute);
    const before = it.runs.length;
    it.network = 'train';
    await it.time.advance(10 * second);
    assert.equal(it.runs.length, before + 1);
  });

  it('tries at once after the machine has slept', async () => {
    const it = await started();
    it.fraction = 0.999;
    for (let failure = 0; failure < 8; failure++) it.ends.push(failed());
    it.scheduler.serverEvent();
    await it.time.advance(4 * minute);
    const before = it.runs.length;
    it.time.jump(8 * 60 * minute); // while the monotonic clock stood still
    await it.time.advance(10 * second);
    assert.equal(it.runs.length, before + 1);
  });

  it('ends the wait when a person asks', async () => {
    const it = await started();
    it.fraction = 0.999;
    it.ends.push(failed());
    it.scheduler.serverEvent();
    await it.time.advance(0);
    it.scheduler.wake();
    await it.time.advance(0);
    assert.deepEqual(triggers(it), ['event', 'command']);
  });

  it('does not forget that a person asked while a cycle ran that failed', async () => {
    const it = await started();
    it.fraction = 0.999;
    it.cycleMs = second;
    it.ends.push(failed());
    it.scheduler.serverEvent();
    await it.time.advance(100);
    it.scheduler.wake();
    it.scheduler.serverEvent();
    await it.time.advance(second);
    assert.deepEqual(triggers(it), ['event', 'command']);
  });

  it('does not retry by itself what only a person can mend, and runs on the next occasion', async () => {
    const it = await started();
    it.ends.push({ type: 'needsPerson' });
    it.scheduler.serverEvent();
    await it.time.advance(4 * minute);
    assert.equal(it.runs.length, 1);
    it.scheduler.saved();
    await it.time.advance(second);
    assert.equal(it.runs.length, 2);
  });

  it('counts a cycle that broke off as failed', async () => {
    const time = new VirtualTime(0);
    let runs = 0;
    const scheduler = new Scheduler({
      clock: time,
      timers: time,
      random: { bytes: length => new Uint8Array(length), uuid: () => '', fraction: () => 0.5 },
      logger: silentLogger,
      settings: () => ({ enabled: true, onSave: true, onFocus: true, intervalMs: minute }),
      networkFingerprint: () => '',
      run: async () => {
        runs++;
        if (runs === 1) throw new Error('a bug');
        return { type: 'done' };
      },
    });
    scheduler.start();
    await time.advance(second);
    assert.equal(runs, 2);
  });

  it('does nothing while it is switched off, or after it was stopped', async () => {
    const it = await started();
    it.settings = { ...it.settings, enabled: false };
    it.scheduler.serverEvent();
    it.scheduler.saved();
    await it.time.advance(2 * second);
    it.settings = { ...it.settings, enabled: true };
    it.scheduler.saved();
    it.scheduler.stop();
    it.scheduler.serverEvent();
    it.scheduler.wake();
    it.scheduler.setFocused(true);
    await it.time.advance(11 * minute);
    assert.deepEqual(triggers(it), []);
    assert.equal(it.time.waiting, 0, 'no timer is left');
  });

  it('is settled when the cycle has ended', async () => {
    const it = await started();
    it.cycleMs = second;
    it.scheduler.serverEvent();
    it.scheduler.stop();
    let settled = false;
    void it.scheduler.settled().then(() => {
      settled = true;
    });
    await it.time.advance(900);
    assert.equal(settled, false);
    await it.time.advance(200);
    assert.equal(settled, true);
  });
});
