import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../src/base/logger';
import { systemRandom } from '../../../src/base/random';
import { unwrap } from '../../../src/base/result';
import { dayMs, systemClock, systemTimers } from '../../../src/base/time';
import type { SecretStore } from '../../../src/device/account/secrets';
import type { LocalDevice } from '../../../src/device/device';
import { defaultDeviceSettings, openDevice } from '../../../src/device/openDevice';
import { MemorySecrets } from '../../support/memoryCore';
import { sqliteWasm } from '../../support/sqliteWasm';
import { VirtualTime } from '../../support/virtualTime';

describe('the housekeeping of a device', () => {
  let folder: string;
  let nowMs: number;
  let device: LocalDevice;
  const secrets = new MemorySecrets();

  async function open(kept: SecretStore, timers = systemTimers): Promise<LocalDevice> {
    return unwrap(
      await openDevice({
        folder,
        wasm: async () => sqliteWasm(),
        secrets: kept,
        http: { send: () => assert.fail('no network'), stream: () => assert.fail('no network') },
        clock: { now: () => nowMs, monotonic: () => systemClock.monotonic() },
        timers,
        random: systemRandom,
        logger: silentLogger,
        settings: defaultDeviceSettings,
      }),
    );
  }
  const snapshots = () => readdirSync(join(folder, 'snapshots'));

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'housekeeping-'));
    nowMs = Date.parse('2026-01-02T03:04:05.678Z');
    device = await open(secrets);
    unwrap(await device.items.create({ kind: 'note', title: 'One', sensitive: true }));
  });
  afterEach(async () => {
    await device.close();
    rmSync(folder, { recursive: true });
  });

  it('is not due on the first day of a device', async () => {
    await device.housekeeping.round();
    assert.equal(readdirSync(folder).includes('snapshots'), false);
  });

  for (const [state, prepare] of [
    ['signed out', async () => undefined],
    ['paused', async () => unwrap(await device.sync.pause())],
    [
      'locked',
      async () => {
        await device.close();
        device = await open(new MemorySecrets());
        assert.equal(unwrap(await device.sync.status()).state, 'locked');
      },
    ],
  ] as const) {
    it(`takes the snapshot of the day of a device that is ${state}`, async () => {
      await prepare();
      nowMs += dayMs;
      await device.housekeeping.round();
      assert.equal(snapshots().length, 1);
      await device.housekeeping.round();
      assert.equal(snapshots().length, 1);
    });
  }

  it('goes on by itself once it was started, and ends with the device', async () => {
    await device.close();
    const time = new VirtualTime(nowMs);
    device = await open(secrets, time);
    device.housekeeping.start();
    device.housekeeping.start();
    let closed = false;
    while (!readdirSync(folder).includes('snapshots') || snapshots().length === 0) {
      await time.advance(60_000);
      await systemTimers.sleep(1); // the disk's own time
    }
    const closing = device.close().then(() => {
      closed = true;
    });
    while (!closed) {
      await time.advance(100);
      await systemTimers.sleep(1);
    }
    await closing;
    assert.equal(time.waiting, 0, 'nothing is to run after the end');
  });

  it('begins no other step when the device is closed in the middle of one', async () => {
    await device.close();
    const time = new VirtualTime(nowMs);
    let isStarting = false;
    let closing: Promise<void> | undefined;
    device = await open(secrets, {
      after(delayMs, task) {
        const isFirstStep = isStarting;
        return time.after(delayMs, () => {
          task();
          if (isFirstStep) closing = device.close();
        });
      },
      sleep: (delayMs, signal) => time.sleep(delayMs, signal),
    });
    isStarting = true;
    device.housekeeping.start();
    isStarting = false;
    while (closing === undefined) await time.advance(60_000);
    await closing;
    assert.equal(time.waiting, 0, 'nothing is to run after the end');
  });
});
