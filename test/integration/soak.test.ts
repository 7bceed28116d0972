import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { defined } from '../../src/base/assert';
import { unwrap } from '../../src/base/result';
import { minuteMs, secondMs, systemClock, systemTimers } from '../../src/base/time';
import type { Device } from '../../src/device/device';
import type { ItemJson, SyncReportJson } from '../../src/device/json';
import { isExtended } from '../support/extended';
import { type Fate, MeddlingProxy } from '../support/meddlingProxy';
import { openHome } from '../support/openHome';
import { scratch, startServer } from '../support/processes';
import { seededFractions } from '../support/sqliteSeed';
import { scratchServer } from './serverCommands';

const soakMs = isExtended ? 30 * minuteMs : minuteMs;
const deviceNames = ['laptop', 'desktop', 'tablet'];
const firstItems = 10;
/** Between two commands of a device: starting the terminal is what costs, so this is what bounds it. */
const minPauseMs = 200;
const maxPauseMs = 1600;
const maxDelayMs = 1500;
/** Cycles of each device, once all is quiet, before they must agree. */
const maxSettlingRounds = 8;
const unreachable = 3;

describe('three terminals and a server behind a network that drops, delays, doubles and cuts', () => {
  it(`are equal after ${soakMs / secondMs} s of edits, and account for all that was acknowledged`, async () => {
    const fraction = seededFractions('soak');
    const folder = mkdtempSync(path.join(tmpdir(), 'scratch-soak-'));
    const dataDir = path.join(folder, 'server');
    const server = await startServer(dataDir, { SIGN_UP: 'open' });
    const proxy = await MeddlingProxy.start(server.url);
    try {
      const soak = new Soak(folder, proxy.url, fraction);
      await soak.begin();
      const fates = new Map<Fate['type'], number>();
      proxy.meddle(() => {
        const fate = someFate(fraction);
        fates.set(fate.type, (fates.get(fate.type) ?? 0) + 1);
        return fate;
      });
      await Promise.all(deviceNames.map(name => soak.work(name, systemClock.monotonic() + soakMs)));
      proxy.heal();
      await soak.settle();
      const { records } = await soak.compare();
      const met = [...fates].map(([fate, times]) => `${times} ${fate}`).join(', ');
      console.log(
        `        ${soak.acknowledged} edits acknowledged, ${records} conflict records; requests: ${met}`,
      );
      assert.equal(await server.stop(), 0);
      const checked = await scratchServer(dataDir, ['check']);
      assert.equal(checked.exitCode, 0, checked.errors + checked.out);
    } finally {
      await proxy.close();
      await server.kill();
      rmSync(folder, { recursive: true });
    }
  }).timeout(soakMs + 5 * minuteMs);
});

class Soak {
  readonly #folder: string;
  readonly #url: string;
  readonly #fraction: () => number;
  readonly #ids: string[] = [];
  /** Texts that a command has said are kept; no edit takes one out again. */
  readonly #tokens: string[] = [];
  #numbered = 0;

  constructor(folder: string, url: string, fraction: () => number) {
    this.#folder = folder;
    this.#url = url;
    this.#fraction = fraction;
  }

  get acknowledged(): number {
    return this.#tokens.length;
  }

  async begin(): Promise<void> {
    for (const [index, name] of deviceNames.entries()) {
      const account = ['--server', this.#url, '--login', 'ada', '--device', name];
      await this.#run(name, [index === 0 ? 'sign-up' : 'sign-in', ...account]);
    }
    const [first = ''] = deviceNames;
    for (let number = 0; number < firstItems; number++) await this.#add(first);
    for (const name of deviceNames) await this.#run(name, syncing);
  }

  /** A person at one device, who does not wait for the network. */
  async work(name: string, untilMs: number): Promise<void> {
    while (systemClock.monotonic() < untilMs) {
      const roll = this.#fraction();
      if (roll < 0.08) await this.#add(name);
      else if (roll < 0.11) await this.#try(name, ['rm', this.#someId()]);
      else if (roll < 0.5) await this.#edit(name, this.#someId());
      else await this.#try(name, syncing);
      await systemTimers.sleep(minPauseMs + this.#fraction() * (maxPauseMs - minPauseMs));
    }
  }

  /** Until a round of cycles finds nothing to do. */
  async settle(): Promise<void> {
    for (let round = 0; round < maxSettlingRounds; round++) {
      let moved = 0;
      for (const name of deviceNames) {
        const report: SyncReportJson = JSON.parse(await this.#run(name, syncing));
        moved += report.pushed + report.pulled + report.merged + report.conflicts;
      }
      if (moved === 0) return;
    }
    assert.fail(`after ${maxSettlingRounds} rounds there is still something to sync`);
  }

  async compare(): Promise<{ readonly records: number }> {
    const holdings = await Promise.all(deviceNames.map(name => holdingOf(this.#home(name))));
    const [first, ...others] = holdings;
    assert(first);
    for (const other of others) {
      assert.deepEqual(other.items, first.items);
      assert.deepEqual(other.records, first.records);
    }
    const text = JSON.stringify(first);
    assert.deepEqual(
      this.#tokens.filter(token => !text.includes(token)),
      [],
      'acknowledged, and in no item and in no record',
    );
    return { records: first.records.length };
  }

  async #add(name: string): Promise<void> {
    const token = this.#token(name);
    const added = await this.#run(name, ['add', 'note', `Item ${this.#numbered}`, '--body', `${token}\n`]);
    this.#tokens.push(token);
    const { id }: ItemJson = JSON.parse(added);
    this.#ids.push(id);
  }

  /** Adds a line at the beginning, in the middle or at the end of what this device holds of the item. */
  async #edit(name: string, id: string): Promise<void> {
    const shown = await this.#try(name, ['show', id]);
    if (shown === undefined) return;
    const { body, deleted }: ItemJson = JSON.parse(shown);
    if (deleted) return;
    const token = this.#token(name);
    const lines = body.split('\n');
    lines.splice(Math.floor(this.#fraction() * lines.length), 0, token);
    await this.#run(name, ['edit', id, '--body', lines.join('\n')]);
    this.#tokens.push(token);
  }

  #token(name: string): string {
    return `<${name} wrote ${this.#numbered++}>`;
  }

  #someId(): string {
    return defined(this.#ids[Math.floor(this.#fraction() * this.#ids.length)], 'there are items');
  }

  #home(name: string): string {
    return path.join(this.#folder, name);
  }

  /** A command that must be done; answers what it has printed. */
  async #run(name: string, args: readonly string[]): Promise<string> {
    const ended = await scratch(this.#home(name), [...args, '--json'], password);
    assert.equal(ended.exitCode, 0, `${name}: scratch ${args[0]}: ${ended.errors}${ended.out}`);
    return ended.out;
  }

  /** A command that may find no server, or no such item; undefined then. */
  async #try(name: string, args: readonly string[]): Promise<string | undefined> {
    const ended = await scratch(this.#home(name), [...args, '--json'], password);
    if (ended.exitCode === 0) return ended.out;
    const isExpected = ended.exitCode === unreachable || ended.out.includes('"unknownItem"');
    assert.ok(isExpected, `${name}: scratch ${args[0]}: ${ended.errors}${ended.out}`);
    return undefined;
  }
}

/** The network is bad, and the guard has nobody to ask. */
const syncing = ['sync', '--accept-mass-change'];
const password = { environment: { SCRATCH_PASSWORD: 'correct horse battery staple' } };

function someFate(fraction: () => number): Fate {
  const roll = fraction();
  if (roll < 0.6) return { type: 'passes' };
  if (roll < 0.72) return { type: 'delayed', ms: fraction() * maxDelayMs };
  if (roll < 0.78) return { type: 'requestDropped' };
  if (roll < 0.82) return { type: 'requestCut' };
  if (roll < 0.89) return { type: 'answerDropped' };
  return roll < 0.93 ? { type: 'answerCut' } : { type: 'doubled' };
}

/** What a device holds, as every device tells it. */
async function holdingOf(home: string) {
  const device = await openHome(home);
  try {
    const status = unwrap(await device.sync.status());
    assert.equal(status.pending, 0);
    return { items: await itemsOf(device), records: await recordsOf(device) };
  } finally {
    await device.close();
  }
}

async function itemsOf(device: Device): Promise<readonly ItemJson[]> {
  const listed = [
    ...unwrap(await device.items.list({ deleted: false })),
    ...unwrap(await device.items.list({ deleted: true })),
  ];
  const items = await Promise.all(listed.map(async ({ id }) => unwrap(await device.items.get(id))));
  return items.sort((left, right) => (left.id < right.id ? -1 : 1));
}

/** Without what is told from the reader's side. */
async function recordsOf(device: Device) {
  const records = unwrap(await device.conflicts.list({ all: true }));
  return records
    .map(({ id, itemId, state, outcome, keys, base, local, remote }) => ({
      ...{ id, itemId, state, outcome, keys, base },
      sides: [local, remote].sort((left, right) => (left.lastModified < right.lastModified ? -1 : 1)),
    }))
    .sort((left, right) => (left.id < right.id ? -1 : 1));
}
