import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { z } from 'zod';
import { parseJson } from '../../src/base/json';
import { minuteMs } from '../../src/base/time';
import { repositoryFolder } from '../../src/build/paths';
import type { Section } from './report';

const processLimitMs = 10 * minuteMs;
const took = z.object({ ms: z.number(), cpuMs: z.number(), longestBlockMs: z.number() });
type Took = z.infer<typeof took>;
const figuresSchema = z.object({
  bulk: took,
  indexed: took,
  push: took,
  pull: took,
  pullIndexed: took,
  idle: took,
  editsOut: took,
  editsIn: took,
});

/**
 * Sync over loopback HTTP between two devices and a server process, durable on both ends, encryption and gzip on. Run
 * from a bundle, as it is shipped: TypeScript that is run as it is takes twice the time.
 */
export async function benchSync(progress: (line: string) => void): Promise<Section> {
  progress('sync: 10,000 notes of 1 KB between two devices');
  const folder = await mkdtemp(path.join(tmpdir(), 'sync-bench-'));
  try {
    const script = path.join(folder, 'run.cjs');
    await build({
      entryPoints: [path.join(__dirname, 'syncBenchRun.ts')],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      mainFields: ['module', 'main'],
      outfile: script,
      logLevel: 'error',
    });
    const wasm = createRequire(path.join(repositoryFolder, 'package.json')).resolve(
      'sql.js/dist/sql-wasm.wasm',
    );
    const server = path.join(repositoryFolder, 'dist/server.js');
    const { stdout } = await promisify(execFile)(process.execPath, [script, folder, server, wasm], {
      timeout: processLimitMs,
    });
    const figures = figuresSchema.parse(parseJson(stdout.trim()));
    return sectionOf([
      { what: 'import of 10,000', took: figures.bulk },
      { what: 'the search that finishes the index after it', took: figures.indexed },
      { what: 'first push of 10,000', took: figures.push, mustBeUnderMs: 2000 },
      { what: 'first pull of 10,000', took: figures.pull, mustBeUnderMs: 1500 },
      { what: 'the search that finishes the index after it', took: figures.pullIndexed },
      { what: 'idle cycle', took: figures.idle },
      { what: '100 edits, push', took: figures.editsOut },
      { what: '100 edits, pull until durable', took: figures.editsIn, mustBeUnderMs: 50 },
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Figure {
  readonly what: string;
  readonly took: Took;
  readonly mustBeUnderMs?: number;
}

function sectionOf(figures: readonly Figure[]): Section {
  const millis = (value: number) => String(Math.round(value));
  return {
    title: 'Sync',
    text:
      '10,000 notes of 1 KB and 100 edits over loopback HTTP, durable on both ends, encrypted and compressed. ' +
      'Both devices are in one process here, and the server in another. An import and a first pull leave the search ' +
      'index to steps that follow when nothing else goes on; a search that comes first finishes it.',
    tables: [
      {
        head: [
          'what',
          'ms',
          'of them the processor, ms',
          'longest block of the thread, ms',
          'must be under',
          '',
        ],
        rows: figures.map(({ what, took, mustBeUnderMs: limit }) => [
          what,
          millis(took.ms),
          millis(took.cpuMs),
          millis(took.longestBlockMs),
          limit === undefined ? '' : millis(limit),
          limit === undefined ? '' : took.ms < limit ? 'reached' : `missed by ${millis(took.ms - limit)} ms`,
        ]),
      },
    ],
  };
}
