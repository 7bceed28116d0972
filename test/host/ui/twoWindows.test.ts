import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from 'playwright-core';
import * as z from 'zod';
import { minuteMs } from '../../../src/base/time';
import { newProfile, openWorkbench } from '../browser';
import { picturesOfFailure } from '../failurePicture';
import { runCommand } from '../workbenchPage';
import { Stage } from './devicePair';
import { showItems, until } from './scratchPage';
import { type WriterStep, writerLogs } from './writerLogs';

const turns = 100;
/** The writer pauses between two of them. */
const writingLimitMs = 2.5 * minuteMs;

describe('two windows of one device', function () {
  this.timeout(2 * writingLimitMs);
  let stage: Stage;
  let logs: string;
  let writing: Page;
  let watching: Page;

  before(async function () {
    this.timeout(20 * minuteMs); // the first run installs the host
    stage = await Stage.set();
    logs = path.join(stage.folder, 'logs');
    await mkdir(logs);
    const machine = await stage.addMachine('laptop', 'none', {
      fixtures: ['writer-extension'],
      environment: { SCRATCH_WRITER_LOGS: logs },
    });
    writing = await openWorkbench(await newProfile(stage.browser), machine.workbench);
    watching = await openWorkbench(await newProfile(stage.browser), machine.workbench);
    await showItems(watching);
  });

  after(async () => stage?.strike());
  afterEach(picturesOfFailure(() => [writing, watching]));

  it(`show each of ${turns} items that one writes in the tree of the other`, async () => {
    await watching.evaluate(recordRows);
    await runCommand(writing, 'Writer: Write in Turn');
    await until(async () => (await steps()).some(({ step }) => step === 'ended'), 'the end', writingLimitMs);
    await until(async () => (await seenRows()).size >= turns, `the last of ${turns} rows`);
    const seenMs = await seenRows();
    const delaysMs = (await steps())
      .flatMap(step => (step.step === 'turned' ? [(seenMs.get(step.title) ?? Number.NaN) - step.atMs] : []))
      .sort((left, right) => left - right);
    assert.equal(delaysMs.filter(Number.isFinite).length, turns);
    const at = (share: number) => delaysMs[Math.ceil(share * turns) - 1];
    console.log(
      `      a row in the other window, after its write was acknowledged: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, longest ${at(1)} ms`,
    );
  });

  async function steps(): Promise<readonly WriterStep[]> {
    return [...(await writerLogs(logs)).values()].flat();
  }

  /** When each row was first seen, by the wall clock. */
  async function seenRows(): Promise<ReadonlyMap<string, number>> {
    return new Map(
      z.array(z.tuple([z.string(), z.number()])).parse(await watching.evaluate('[...seenRows]')),
    );
  }
});

/** Writes down when a row first shows, in the page itself: `seenRows`, from its title to the wall clock. */
const recordRows = `{
  window.seenRows = new Map();
  new MutationObserver(() => {
    for (const row of document.querySelectorAll('.pane-body .monaco-list-row')) {
      const title = /Turn \\d+/.exec(row.textContent)?.[0];
      if (title && !seenRows.has(title)) seenRows.set(title, Date.now());
    }
  }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
}`;
