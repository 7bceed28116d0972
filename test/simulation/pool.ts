import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { type Order, type Report, reportSchema } from './child';
import type { FaultName } from './steps';

/** Runs of the simulator in processes of their own. */
export interface Series {
  /** The bundle that runs. */
  readonly script: string;
  readonly seed: number;
  readonly runs: number;
  readonly devices?: number;
  readonly faults?: readonly FaultName[];
  readonly stopsAtViolation: boolean;
  readonly processes?: number;
  /** Told of every run. */
  readonly told?: (report: RunReport) => void;
}

export type RunReport = Extract<Report, { readonly type: 'run' }>;

export interface SeriesResult {
  readonly runs: number;
  readonly events: number;
  readonly edits: number;
  readonly seconds: number;
  /** In order of seed. */
  readonly violations: readonly RunReport[];
}

/** Runs the seeds, dealt out to one process for each core; each stops at its first violation when it is told to. */
export async function runSeries(series: Series): Promise<SeriesResult> {
  const { script, seed, runs, devices, faults, stopsAtViolation, told } = series;
  const processes = Math.min(series.processes ?? availableParallelism(), runs);
  const startedMs = performance.now();
  const reports: RunReport[] = [];
  const stopping = new AbortController();
  await Promise.all(
    Array.from({ length: processes }, (_, index) =>
      runChild(
        script,
        {
          type: 'seeds',
          from: seed + index,
          count: Math.ceil((runs - index) / processes),
          step: processes,
          stopsAtViolation,
          ...(devices === undefined ? {} : { devices }),
          ...(faults === undefined ? {} : { faults: [...faults] }),
        },
        report => {
          if (report.type !== 'run') return;
          reports.push(report);
          told?.(report);
          if (stopsAtViolation && report.violation !== undefined) stopping.abort();
        },
        stopping.signal,
      ),
    ),
  );
  return {
    runs: reports.length,
    events: reports.reduce((sum, { events }) => sum + events, 0),
    edits: reports.reduce((sum, { edits }) => sum + edits, 0),
    seconds: (performance.now() - startedMs) / 1000,
    violations: reports
      .filter(({ violation }) => violation !== undefined)
      .sort((left, right) => Number(left.seed) - Number(right.seed)),
  };
}

/** Has one order carried out. Throws when the process does not end well. */
export function runChild(
  script: string,
  order: Order,
  told: (report: Report) => void,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--enable-source-maps', script, JSON.stringify(order)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const stop = () => child.kill();
    signal?.addEventListener('abort', stop);
    createInterface(child.stdout).on('line', line => told(reportSchema.parse(JSON.parse(line))));
    child.on('error', reject);
    child.on('close', code => {
      signal?.removeEventListener('abort', stop);
      if (code === 0 || signal?.aborted) resolve();
      else reject(new Error(`the simulation ended with exit code ${code}`));
    });
  });
}
