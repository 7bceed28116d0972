import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { silentLogger } from '../../../src/base/logger';
import { systemRandom } from '../../../src/base/random';
import { ok, unwrap } from '../../../src/base/result';
import { systemClock, systemTimers } from '../../../src/base/time';
import { type ServeHost, serve } from '../../../src/server/serve';
import { readSettings } from '../../../src/server/settings';
import { sqliteWasm } from '../../support/sqliteWasm';

describe('serving', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'scratch-serve-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('heeds signals before it says that it listens, and ends when it was stopped by then', async () => {
    const steps: string[] = [];
    const host: ServeHost = {
      wasm: sqliteWasm,
      clock: systemClock,
      timers: systemTimers,
      random: systemRandom,
      logger: silentLogger,
      print: line => void (line.includes('listening') && steps.push('listening')),
      untilStopped: async () => void steps.push('stop is heeded'),
      onReload: () => void steps.push('reload is heeded'),
    };
    const settings = unwrap(readSettings({ PORT: '0', DATA_DIR: folder }));
    assert.deepEqual(await serve(join(folder, 'server.db'), settings, host), ok());
    assert.deepEqual(steps, ['stop is heeded', 'reload is heeded', 'listening']);
  });
});
