import assert from 'node:assert/strict';
import { dayMs } from '../../src/base/time';
import type { SyncDevice, TestAccount } from './syncDevice';

/** Longer than tombstones are kept for a device that is away. */
const awayDays = 200;
const stepDays = 50;

/** So much time passes, in which these devices are in use and the others are away, that the server prunes its tombstones. */
export async function outliveTombstones(
  account: TestAccount,
  used: readonly SyncDevice[],
  away: readonly SyncDevice[],
): Promise<void> {
  for (let days = 0; days < awayDays; days += stepDays) {
    await account.serverTime.advance(stepDays * dayMs);
    for (const { time } of [...used, ...away]) await time.advance(stepDays * dayMs);
    await used[0]?.add(`After ${days} days`);
    for (const device of [...used, ...used]) await device.sync();
  }
  assert.ok((await account.server.prune()).ok);
}
