import assert from 'node:assert/strict';
import { existsSync, unlinkSync } from 'node:fs';
import { silentLogger } from '../../../../src/base/logger';
import { systemRandom } from '../../../../src/base/random';
import { hourMs, systemClock, systemTimers } from '../../../../src/base/time';
import { createPresence, type Presence } from '../../../../src/sqlite/lock/liveness';
import { VirtualTime } from '../../../support/sqliteClock';
import { Machine } from '../../../support/sqliteMachine';

/** A pipe of Windows is no file, so nobody clears it away. */
if (process.platform !== 'win32') {
  describe('the socket of a living process', () => {
    const open: Presence[] = [];
    afterEach(async () => {
      for (const presence of open.splice(0)) await presence.close();
    });

    const presenceOf = async (time = new VirtualTime(systemClock.now())) => {
      // As on a system that tells of no start times.
      const facts = { ...new Machine().start(1, 'a'), startTimeOf: () => undefined, isRunning: () => true };
      const common = { clock: time, timers: time, random: systemRandom, logger: silentLogger };
      const presence = await createPresence({ facts, strategy: 'socket', ...common });
      open.push(presence);
      return presence;
    };

    it('is there again after it was cleared away, and calls that stand go on', async () => {
      const time = new VirtualTime(systemClock.now());
      const holder = await presenceOf(time);
      const known = await presenceOf();
      assert.equal(await known.judge(holder.token, holder.note), 'alive');
      for (let times = 0; times < 2; times++) {
        unlinkSync(holder.note);
        assert.equal(await (await presenceOf()).judge(holder.token, holder.note), 'dead');
        time.advance(hourMs);
        while (!existsSync(holder.note)) await systemTimers.sleep(1);
        assert.equal(await (await presenceOf()).judge(holder.token, holder.note), 'alive');
        assert.equal(await known.judge(holder.token, holder.note), 'alive');
      }
      await holder.close();
      assert.equal(existsSync(holder.note), false);
      assert.equal(await known.judge(holder.token, holder.note), 'dead');
    });
  });
}
