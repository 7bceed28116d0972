import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { type Disposable, Emitter } from '../../../src/base/event';
import { systemRandom } from '../../../src/base/random';
import type { Timer, Timers } from '../../../src/base/time';
import { eventHeartbeatMs } from '../../../src/protocol/limits';
import { maxStreamsPerDevice } from '../../../src/server/events';
import { serverMigrations } from '../../../src/server/storage/schema';
import type { Database } from '../../../src/sqlite/database';
import { openMemoryDatabase } from '../../support/memoryDatabase';
import { authKey, signIn, signUp, type TestDevice } from '../../support/testDevice';
import { createTestServer, testEpochMs } from '../../support/testServer';

/** Timers that fire when the test says so. */
class ManualTimers implements Timers {
  readonly pending = new Set<{ readonly delayMs: number; readonly task: () => void }>();

  after(delayMs: number, task: () => void): Timer {
    const entry = { delayMs, task };
    this.pending.add(entry);
    return { cancel: () => this.pending.delete(entry) };
  }

  async sleep(): Promise<void> {
    assert.fail('nothing here sleeps');
  }

  fire(): void {
    for (const entry of [...this.pending]) {
      this.pending.delete(entry);
      entry.task();
    }
  }
}

interface Reader {
  /** The next chunk as text; undefined when the stream has ended. */
  next(): Promise<string | undefined>;
  cancel(): Promise<void>;
}

async function openStream(device: TestDevice): Promise<Reader> {
  const response = await device.call('GET', '/v1/events');
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('Content-Type'), 'text/event-stream');
  const reader = response.body?.getReader();
  assert.ok(reader);
  const decoder = new TextDecoder();
  return {
    async next() {
      const { done, value } = await reader.read();
      return done ? undefined : decoder.decode(value);
    },
    cancel: () => reader.cancel(),
  };
}

const push = (device: TestDevice) =>
  device.push([device.change({ itemId: systemRandom.uuid(), millis: testEpochMs })]);
const eventOf = (head: number) => `event: change\ndata: ${head}\n\n`;

describe('the event stream', () => {
  it('tells the head at its opening and after the pushes of other devices', async () => {
    const { app } = await createTestServer({ timers: new ManualTimers() });
    const laptop = await signUp(app.fetch);
    const desktop = await signIn(app.fetch);
    await push(laptop);
    const stream = await openStream(desktop);
    assert.equal(await stream.next(), eventOf(1));
    await push(laptop);
    assert.equal(await stream.next(), eventOf(2));
    await push(desktop);
    await push(laptop);
    assert.equal(await stream.next(), eventOf(4), 'its own push is not news');
  });

  it('is not opened by asking for its head, which ends none', async () => {
    const { app, metrics } = await createTestServer({ timers: new ManualTimers() });
    const laptop = await signUp(app.fetch);
    const desktop = await signIn(app.fetch);
    const stream = await openStream(laptop);
    assert.equal(await stream.next(), eventOf(0));
    for (let times = 0; times <= maxStreamsPerDevice; times++) {
      const head = await laptop.call('HEAD', '/v1/events');
      assert.equal(head.status, 200);
      assert.equal(head.headers.get('Content-Type'), 'text/event-stream');
    }
    assert.equal((await metrics.streams.get()).values[0]?.value, 1);
    await push(desktop);
    assert.equal(await stream.next(), eventOf(1));
    assert.equal(
      (await desktop.call('HEAD', '/v1/events', undefined, { Authorization: 'Bearer x' })).status,
      401,
    );
  });

  it('tells nothing of other accounts, nor of pushes that changed nothing', async () => {
    const { app } = await createTestServer({ timers: new ManualTimers() });
    const ada = await signUp(app.fetch, 'ada');
    const desktop = await signIn(app.fetch, 'ada');
    const bob = await signUp(app.fetch, 'bob');
    const stream = await openStream(desktop);
    assert.equal(await stream.next(), eventOf(0));
    await push(bob);
    const base = { version: 4, timestamp: `${'0'.repeat(16)}-0000-${ada.deviceId}` };
    await ada.push([ada.change({ itemId: systemRandom.uuid(), millis: testEpochMs, base })]);
    await push(ada);
    assert.equal(await stream.next(), eventOf(1));
  });

  it('tells what happened while its reader was slow as one event', async () => {
    const { app } = await createTestServer({ timers: new ManualTimers() });
    const laptop = await signUp(app.fetch);
    const stream = await openStream(await signIn(app.fetch));
    for (let count = 0; count < 10; count++) await push(laptop);
    const seen = [await stream.next(), await stream.next(), await stream.next()];
    assert.deepEqual(seen, [eventOf(0), eventOf(1), eventOf(10)]);
  });

  it('sends a comment in every heartbeat, and keeps no timer without streams', async () => {
    const timers = new ManualTimers();
    const { app } = await createTestServer({ timers });
    const laptop = await signUp(app.fetch);
    assert.equal(timers.pending.size, 0);
    const stream = await openStream(laptop);
    await stream.next();
    assert.deepEqual(
      [...timers.pending].map(({ delayMs }) => delayMs),
      [eventHeartbeatMs],
    );
    timers.fire();
    assert.equal(await stream.next(), ':\n\n');
    assert.equal(timers.pending.size, 1);
    await stream.cancel();
    assert.equal(timers.pending.size, 0);
  });

  it('is ended when its reader takes nothing any more', async () => {
    const timers = new ManualTimers();
    const { app, metrics } = await createTestServer({ timers });
    const response = await (await signUp(app.fetch)).call('GET', '/v1/events');
    assert.ok(response.body);
    for (let beat = 0; beat < 10; beat++) timers.fire();
    assert.equal(timers.pending.size, 0);
    assert.equal((await metrics.streams.get()).values[0]?.value, 0);
  });

  it('ends at once when its device is revoked, signs in anew, or its account is deleted', async () => {
    const { app } = await createTestServer({ timers: new ManualTimers() });
    const laptop = await signUp(app.fetch);
    const desktop = await signIn(app.fetch);
    const revoked = await openStream(desktop);
    const other = await openStream(laptop);
    await revoked.next();
    await other.next();
    await laptop.call('DELETE', `/v1/devices/${desktop.deviceId}`, { authKey });
    assert.equal(await revoked.next(), undefined);
    const replaced = await openStream(laptop);
    await replaced.next();
    const anew = await signIn(app.fetch, 'ada', { deviceId: laptop.deviceId });
    assert.deepEqual([await other.next(), await replaced.next()], [undefined, undefined]);
    const last = await openStream(anew);
    await last.next();
    await anew.call('DELETE', '/v1/accounts/me', { authKey });
    assert.equal(await last.next(), undefined);
  });

  it('ends, and no new one begins, when the server drains', async () => {
    const server = await createTestServer({ timers: new ManualTimers() });
    const laptop = await signUp(server.app.fetch);
    const stream = await openStream(laptop);
    await stream.next();
    server.drain();
    assert.equal(await stream.next(), undefined);
    assert.equal((await laptop.call('GET', '/v1/events')).status, 503);
  });

  it('of a device that opens too many ends the oldest', async () => {
    const { app, metrics } = await createTestServer({ timers: new ManualTimers() });
    const laptop = await signUp(app.fetch);
    const streams: Reader[] = [];
    for (let count = 0; count < maxStreamsPerDevice + 2; count++) {
      const stream = await openStream(laptop);
      await stream.next();
      streams.push(stream);
    }
    assert.deepEqual([await streams[0]?.next(), await streams[1]?.next()], [undefined, undefined]);
    assert.equal((await metrics.streams.get()).values[0]?.value, maxStreamsPerDevice);
  });

  it('needs a token', async () => {
    const { app } = await createTestServer({ timers: new ManualTimers() });
    const laptop = await signUp(app.fetch);
    const anyone = await laptop.call('GET', '/v1/events', undefined, { Authorization: 'Bearer x' });
    assert.equal(anyone.status, 401);
  });
});

describe('what another process does to the store', () => {
  it('ends the streams of devices that it revokes, and tells the heads that it moves', async () => {
    const inner = await openMemoryDatabase(serverMigrations);
    const foreign = new Emitter<void>(error => assert.fail(String(error)));
    const database: Database = {
      read: work => inner.read(work),
      write: work => inner.write(work),
      onForeignCommit: (listener): Disposable => foreign.on(listener),
      close: () => inner.close(),
    };
    const served = await createTestServer({ database, timers: new ManualTimers() });
    const other = await createTestServer({ database: inner });
    const laptop = await signUp(served.app.fetch);
    const desktop = await signIn(served.app.fetch);
    const [laptopStream, desktopStream] = [await openStream(laptop), await openStream(desktop)];
    await laptopStream.next();
    await desktopStream.next();
    const elsewhere = await signIn(other.app.fetch);
    await push(elsewhere);
    foreign.fire();
    assert.equal(await laptopStream.next(), eventOf(1));
    assert.equal(await desktopStream.next(), eventOf(1));
    await other.storage.revokeDevice(desktop.accountId, desktop.deviceId);
    foreign.fire();
    assert.equal(await desktopStream.next(), undefined);
    await push(elsewhere);
    foreign.fire();
    assert.equal(await laptopStream.next(), eventOf(2));
  });
});
