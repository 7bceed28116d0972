import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { tellFailedOutput } from '../base/outputFailure';
import { systemRandom } from '../base/random';
import { systemClock, systemTimers } from '../base/time';
import { runServerCommand } from './program';

let isOutputWhole = true;
tellFailedOutput(process.stdout, line => {
  isOutputWhole = false;
  process.exitCode = 1;
  process.stderr.write(`${line}\n`);
});

/** The composition root of the server: this machine's clock, chance, signals and environment. */
runServerCommand(process.argv.slice(2), {
  environment: process.env,
  wasm: () => readFile(path.join(__dirname, 'sql-wasm.wasm')),
  clock: systemClock,
  timers: systemTimers,
  random: systemRandom,
  print: line => process.stdout.write(`${line}\n`),
  printError: line => process.stderr.write(`${line}\n`),
  untilStopped: () =>
    new Promise(resolve => {
      process.once('SIGTERM', resolve);
      process.once('SIGINT', resolve);
    }),
  onReload: reload => process.on('SIGHUP', reload),
}).then(
  exitCode => {
    process.exitCode = isOutputWhole ? exitCode : 1;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
