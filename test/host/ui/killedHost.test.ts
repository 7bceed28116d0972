import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from 'playwright-core';
import * as z from 'zod';
import { defined } from '../../../src/base/assert';
import { secondMs, systemClock, systemTimers } from '../../../src/base/time';
import { isItemId } from '../../../src/model/ids/ids';
import { readItem } from '../../../src/store/items';
import { seededFractions } from '../../support/sqliteSeed';
import { inStore } from '../../support/storeFixture';
import { newProfile, openWorkbench } from '../browser';
import { picturesOfFailure } from '../failurePicture';
import { type Machine, Stage } from './devicePair';
import { withStore } from './machineStore';
import { until } from './scratchPage';
import { type WriterStep, writerLogs } from './writerLogs';

const rounds = 10;

describe('windows whose extension host is killed with kill -9', function () {
  this.timeout(180 * secondMs);
  let stage: Stage;
  let machine: Machine;
  let logs: string;
  const killed = new Set<number>();
  const windows: { readonly page: Page; host: number }[] = [];

  before(async function () {
    this.timeout(20 * 60 * secondMs); // the first run installs the host
    stage = await Stage.set();
    logs = path.join(stage.folder, 'logs');
    await mkdir(logs);
    machine = await stage.addMachine('laptop', 'none', {
      fixtures: ['writer-extension'],
      environment: { SCRATCH_WRITER_LOGS: logs, SCRATCH_WRITER_JOB: 'writeForEver' },
    });
    for (let count = 0; count < 2; count++) {
      const before = await hostsSoFar();
      const page = await openWorkbench(await newProfile(stage.browser), machine.workbench);
      windows.push({ page, host: await newHost(before, page) });
    }
  });

  after(async () => stage?.strike());
  afterEach(picturesOfFailure(() => windows.map(({ page }) => page)));

  it(`lose no write that was acknowledged, ${rounds} rounds, and leave a sound store`, async () => {
    const fraction = seededFractions('kill -9, extension hosts');
    const startedMs = systemClock.monotonic();
    for (let round = 0; round < rounds; round++) {
      const window = defined(windows[Math.floor(fraction() * windows.length)], 'a window is open');
      await until(async () => (await acknowledged(window.host)) >= writesBeforeKill, 'writes of the window');
      await systemTimers.sleep(fraction() * longestDelayMs);
      const before = await hostsSoFar();
      assert.equal(await groupOf(window.host), machine.workbench.processId);
      kill(window.host);
      [window.host] = await Promise.all([newHost(before, window.page), checkFindings()]);
    }
    const tookMs = systemClock.monotonic() - startedMs;
    for (const { host } of windows) kill(host);
    await Promise.all(windows.map(({ page }) => page.close()));
    await machine.workbench.stop();
    await checkFindings();
    const count = await checkItems();
    console.log(
      `      ${rounds} kills in ${Math.round(tookMs / secondMs)} s, ${count} acknowledged writes, all there`,
    );
  });

  function kill(host: number): void {
    process.kill(host, 'SIGKILL');
    killed.add(host);
  }

  async function hostsSoFar(): Promise<ReadonlySet<number>> {
    return new Set((await writerLogs(logs)).keys());
  }

  /** Waits for the host of a window that was opened, or whose host was killed: the third time, the editor asks. */
  async function newHost(before: ReadonlySet<number>, page: Page): Promise<number> {
    const restart = page.locator('.monaco-button', { hasText: 'Restart Remote Extension Host' });
    let found: number | undefined;
    const isThere = async () => {
      found = [...(await hostsSoFar())].find(host => !before.has(host));
      if (found === undefined && (await restart.isVisible()))
        await restart.click({ timeout: pressLimitMs }).catch(() => undefined); // it may go meanwhile: look again
      return found !== undefined;
    };
    await until(isThere, 'a new extension host', restartLimitMs);
    return defined(found, 'it was found');
  }

  async function acknowledged(host: number): Promise<number> {
    return ((await writerLogs(logs)).get(host) ?? []).filter(({ step }) => step === 'wrote').length;
  }

  async function checkFindings(): Promise<void> {
    const findings = findingsSchema.parse(
      JSON.parse(await stage.terminal(machine.home, ['doctor', '--json'])),
    );
    const bad = findings.filter(({ level }) => level !== 'ok');
    assert.deepEqual(bad, []);
  }

  /** Each item holds what was last acknowledged, or what was asked for after it. Answers the count of writes. */
  async function checkItems(): Promise<number> {
    return withStore(machine, async store => {
      let writes = 0;
      for (const [host, steps] of await writerLogs(logs)) {
        const failed = steps.filter(({ step }) => step === 'failed');
        if (killed.has(host)) assert.deepEqual(failed, [], `of host ${host}`); // the others were ended in good order
        writes += steps.filter(({ step }) => step === 'wrote').length;
        for (const [id, bodies] of allowedBodies(steps)) {
          assert(isItemId(id));
          const body = await inStore(store, tx => readItem(tx, id)?.content?.body);
          assert(body !== undefined && bodies.includes(body), `item ${id} holds ${body?.slice(0, 40)}`);
        }
      }
      return writes;
    });
  }
});

/** What an item may hold after these steps: what was acknowledged last, and what was asked for and not answered. */
function allowedBodies(steps: readonly WriterStep[]): ReadonlyMap<string, readonly string[]> {
  const allowed = new Map<string, readonly string[]>();
  for (const step of steps) {
    if (step.step === 'wrote') allowed.set(step.id, [step.body]);
    if (step.step === 'writes' && step.id !== undefined) {
      allowed.set(step.id, [...(allowed.get(step.id) ?? []), step.body]);
    }
  }
  return allowed;
}

/** The process group, the fifth field of `/proc/<id>/stat` (proc_pid_stat(5)); the second, in brackets, may hold blanks. */
async function groupOf(processId: number): Promise<number> {
  const stat = await readFile(`/proc/${processId}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
}

const findingsSchema = z.array(z.object({ check: z.string(), level: z.string(), found: z.string() }));

const writesBeforeKill = 5;
const longestDelayMs = 300;
const pressLimitMs = 2 * secondMs;
const restartLimitMs = 60 * secondMs;
