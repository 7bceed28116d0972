import assert from 'node:assert/strict';
import { once } from 'node:events';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { LogField } from '../../../../src/base/logger';
import { err, ok } from '../../../../src/base/result';
import { systemClock, systemTimers, type Timers } from '../../../../src/base/time';
import type { DeviceEvent, DeviceSettings } from '../../../../src/device/device';
import {
  maxDeaths,
  RemoteDevice,
  reopenDelayMs,
  reopenToSyncMs,
} from '../../../../src/device/worker/remoteDevice';
import { hangLimitMs } from '../../../../src/device/worker/workerThread';
import type { HttpClient } from '../../../../src/sync/transport/http';

const settings: DeviceSettings = {
  syncEnabled: true,
  syncOnSave: true,
  syncOnFocus: true,
  syncIntervalSeconds: 300,
  conflictsText: 'merge',
  guardMaxChangedPercent: 20,
  encryptionAtRest: 'sensitive',
  historyKeepDays: 90,
};

describe('a device in a worker thread', () => {
  let device: RemoteDevice;
  let workers: Worker[];
  let secrets: Map<string, string>;
  let onLogged: (line: readonly [string, Readonly<Record<string, LogField>> | undefined]) => void;
  let events: DeviceEvent[];
  let timers: ManualTimers;

  async function start(folder = 'sound', http: HttpClient = noHttp): Promise<void> {
    workers = [];
    secrets = new Map();
    onLogged = () => undefined;
    events = [];
    timers = new ManualTimers();
    const log = (message: string, fields?: Readonly<Record<string, LogField>>) => {
      onLogged([message, fields]);
    };
    device = new RemoteDevice({
      folder,
      wasmFile: 'none',
      startWorker(workerStart) {
        const worker = new Worker(path.join(__dirname, 'workerFixture.ts'), {
          execArgv: ['--require', 'tsx/cjs'],
          workerData: workerStart,
          transferList: [workerStart.services],
        });
        workers.push(worker);
        return worker;
      },
      settings,
      clock: systemClock,
      timers,
      secrets: {
        get: async name => secrets.get(name),
        set: async (name, value) => {
          secrets.set(name, value);
        },
        delete: async name => {
          secrets.delete(name);
        },
      },
      http,
      logger: { debug: log, info: log, warn: log, error: log },
    });
    await device.on(event => events.push(event));
  }

  afterEach(async () => device.close());

  it('starts on first use and answers with plain data', async () => {
    await start();
    assert.equal(workers.length, 0);
    const created = await device.items.create({ kind: 'note', title: 'Milk', body: 'two' });
    assert.ok(created.ok);
    assert.deepEqual(await device.items.get(created.value.id), created);
    assert.equal(workers.length, 1);
  });

  it('keeps the store in order from its first use, without being told to sync', async () => {
    await start();
    const asked = await device.items.create({ kind: 'note', title: 'asked' });
    assert.equal(asked.ok && asked.value.body, '["start housekeeping"]');
  });

  it('tells its listeners of events', async () => {
    await start();
    const heard = new Promise(resolve => device.on(resolve));
    await device.items.create({ kind: 'note', title: 'Milk' });
    assert.deepEqual(await heard, { type: 'itemsChanged', itemIds: ['x'] });
  });

  it('lends the secrets, the network and the log of its host', async () => {
    const http: HttpClient = {
      send: async request =>
        ok({ status: 200, headers: {}, body: new Uint8Array([...(request.body ?? []), 3]) }),
      stream: () => assert.fail('not used'),
    };
    await start('sound', http);
    await device.items.create({ kind: 'note', title: 'secret', body: 'key' });
    assert.equal(secrets.get('session'), 'key');
    const said = new Promise(resolve => {
      onLogged = resolve;
    });
    await device.items.create({ kind: 'note', title: 'log' });
    assert.deepEqual(await said, ['said in the worker', { size: 3 }]);
    const sent = await device.items.create({ kind: 'note', title: 'send' });
    assert.equal(sent.ok && sent.value.body, '[1,2,3]');
  });

  it('stops a request that goes on', async () => {
    const http: HttpClient = {
      send: (_request, signal) =>
        new Promise(resolve => {
          signal?.addEventListener('abort', () => resolve(err({ type: 'stopped' })));
        }),
      stream: () => assert.fail('not used'),
    };
    await start('sound', http);
    const stopped = await device.items.create({ kind: 'note', title: 'stop' });
    assert.equal(stopped.ok && stopped.value.body, 'stopped');
  });

  it('passes a stream on until it is stopped', async () => {
    let end: () => void = () => undefined;
    const http: HttpClient = {
      send: async () => err({ type: 'timeout', timeoutMs: 1 }),
      stream(_request, onText) {
        onText('one');
        onText('two');
        return { ended: new Promise(resolve => (end = () => resolve(ok()))), stop: () => end() };
      },
    };
    await start('sound', http);
    const streamed = await device.items.create({ kind: 'note', title: 'stream' });
    assert.equal(streamed.ok && streamed.value.body, '{"texts":["one","two"],"ok":true}');
  });

  it('opens with the settings as they were changed before its first use', async () => {
    await start();
    await device.configure({ syncIntervalSeconds: 7 });
    const answer = await device.items.create({ kind: 'note', title: 'settings' });
    assert.ok(!answer.ok);
    assert.deepEqual(JSON.parse(answer.error.message), { ...settings, syncIntervalSeconds: 7 });
  });

  it('answers what failed when the store does not open', async () => {
    await start('damaged');
    const answer = await device.items.list({});
    assert.deepEqual(answer, err({ code: 'storage', message: 'The store is damaged.' }));
  });

  it('looks at the locks when the store does not open', async () => {
    await start('damaged');
    const findings = await device.upkeep.doctor({ mend: true });
    assert.deepEqual(findings.ok && findings.value.map(({ check, mended }) => [check, mended]), [
      ['lock', true],
    ]);
    assert.equal(workers.length, 1);
    assert.equal((await device.items.list({})).ok, false);
    assert.equal((await device.upkeep.doctor({ mend: false })).ok, true, 'also after a failed opening');
    assert.equal((await device.items.list({})).ok, false);
    assert.equal(workers.length, 4, 'it is opened anew, not when some seconds have passed');
    assert.deepEqual(events, []);
  });

  it('keeps the thread that has opened the store while the locks were looked at', async () => {
    let answer: () => void = () => undefined;
    const looked = new Promise<void>(resolve => {
      answer = resolve;
    });
    let sent: () => void = () => undefined;
    const looking = new Promise<void>(resolve => {
      sent = resolve;
    });
    const send: HttpClient['send'] = async () => {
      sent();
      await looked;
      return err({ type: 'stopped' });
    };
    await start('held', { ...noHttp, send });
    assert.equal((await device.items.list({})).ok, false);
    const examined = device.upkeep.doctor({ mend: false });
    await looking;
    secrets.set('session', 'there');
    await timers.pass(reopenDelayMs);
    assert.equal((await device.items.list({})).ok, true);
    answer();
    assert.equal((await examined).ok, true);
    assert.equal((await device.items.list({})).ok, true);
    assert.equal(workers.length, 3, 'that did not open, that looked, that opened');
    await device.close();
    assert.deepEqual(
      workers.map(worker => worker.threadId),
      [-1, -1, -1],
    );
  });

  it('fails what was asked when the thread ends, and goes on with a new one', async () => {
    await start();
    await device.sync.start();
    const answer = await device.items.create({ kind: 'note', title: 'crash' });
    assert.ok(!answer.ok);
    assert.equal(answer.error.code, 'busy');
    assert.equal((await device.items.list({})).ok, true);
    assert.equal(workers.length, 2);
    assert.equal(events[0]?.type, 'notice');
  });

  it('ends a thread that hangs, and fails what it was asked', async () => {
    await start();
    const hangs = new Promise(resolve => {
      onLogged = resolve;
    });
    const hanging = device.items.create({ kind: 'note', title: 'hang' });
    await hangs;
    await timers.pass(hangLimitMs); // it is asked for a sign of life
    await timers.pass(hangLimitMs); // and gave none
    const answer = await hanging;
    assert.ok(!answer.ok);
    assert.match(answer.error.message, /stopped before it answered/);
    assert.equal((await device.items.list({})).ok, true);
    assert.equal(workers.length, 2);
  });

  it('lets a thread be that is slow but alive', async () => {
    await start('sound', { ...noHttp, send: () => new Promise(() => undefined) });
    await device.items.list({});
    const slow = device.items.create({ kind: 'note', title: 'send' });
    for (let round = 0; round < 3; round++) {
      await timers.pass(hangLimitMs);
      await device.items.list({});
    }
    assert.equal(workers.length, 1);
    assert.equal(await Promise.race([slow, 'waits']), 'waits');
  });

  it('opens a store that did not open at first, and syncs then, without being asked again', async () => {
    await start('held');
    const started = await device.sync.start();
    assert.deepEqual(started, err({ code: 'storage', message: 'The store is held.' }));
    secrets.set('session', 'there');
    await timers.pass(reopenDelayMs);
    const told = new Promise<DeviceEvent>(resolve =>
      device.on(event => event.type === 'statusChanged' && resolve(event)),
    );
    await timers.pass(reopenToSyncMs);
    await told;
    assert.equal(workers.length, 2);
    const asked = await device.items.create({ kind: 'note', title: 'asked' });
    assert.match(asked.ok ? asked.value.body : '', /"start"/);
  });

  it('answers in words when opening fails by mistake, and tries again', async () => {
    await start('mistake');
    const answer = await device.items.list({});
    assert.ok(!answer.ok);
    assert.match(answer.error.message, /Reload the window/);
    await timers.pass(reopenDelayMs);
    await device.items.list({});
    assert.equal(workers.length, 2);
  });

  it('stops the streams of a thread that has ended', async () => {
    const stopped = new Promise<void>(resolve => {
      const http: HttpClient = {
        send: async () => err({ type: 'timeout', timeoutMs: 1 }),
        stream: () => ({ ended: new Promise(() => undefined), stop: resolve }),
      };
      start('sound', http)
        .then(async () => {
          device.items.create({ kind: 'note', title: 'stream' });
          await device.items.list({});
          await device.items.create({ kind: 'note', title: 'crash' });
        })
        .catch(assert.fail);
    });
    await stopped;
  });

  it('stops starting threads that keep ending', async () => {
    await start();
    for (let death = 0; death <= maxDeaths; death++) {
      const ended = device.items.create({ kind: 'note', title: 'crash' });
      await ended;
    }
    const last = workers.at(-1);
    assert.ok(last);
    if (last.threadId !== -1) await once(last, 'exit');
    const answer = await device.items.list({});
    assert.ok(!answer.ok);
    assert.match(answer.error.message, /Reload the window/);
    assert.equal(workers.length, maxDeaths + 1);
  });
});

const noHttp: HttpClient = {
  send: async () => err({ type: 'timeout', timeoutMs: 1 }),
  stream: () => assert.fail('not used'),
};

/** Time passes when a test says so; `sleep` is real, for the wait at the end. */
class ManualTimers implements Timers {
  #due: { readonly delayMs: number; readonly task: () => void }[] = [];
  readonly sleep = systemTimers.sleep;

  after(delayMs: number, task: () => void) {
    const timer = { delayMs, task };
    this.#due.push(timer);
    return { cancel: () => this.#drop(timer) };
  }

  /** Waits until a timer of this length is set, and lets it end. */
  async pass(delayMs: number): Promise<void> {
    for (;;) {
      const timer = this.#due.find(each => each.delayMs === delayMs);
      if (timer) {
        this.#drop(timer);
        return timer.task();
      }
      await systemTimers.sleep(1);
    }
  }

  #drop(timer: { readonly task: () => void }): void {
    this.#due = this.#due.filter(each => each !== timer);
  }
}
