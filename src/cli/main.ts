import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { tellFailedOutput } from '../base/outputFailure';
import { systemRandom } from '../base/random';
import { systemClock, systemTimers } from '../base/time';
import { fileSecrets } from '../device/account/fileSecrets';
import { defaultDeviceSettings, openDevice } from '../device/openDevice';
import { checkLocks } from '../device/upkeep/lockCheck';
import { exitCodes } from './failure';
import { lazyHttp } from './lazyHttp';
import { processTerminal } from './processTerminal';
import { type FindHome, runCommandLine } from './program';

/** The composition root of the terminal: a device in this process, on this machine's disk, clock and network. */
const findHome: FindHome = (folder, { logger, note }) => {
  const services = { clock: systemClock, timers: systemTimers, random: systemRandom, logger };
  return {
    checkLocks: options => checkLocks(folder, services, options),
    async open() {
      const opened = await openDevice({
        folder,
        wasm: () => readFile(path.join(__dirname, 'sql-wasm.wasm')),
        secrets: fileSecrets(path.join(folder, 'secrets'), systemRandom, note),
        http: lazyHttp(async () => (await import('./undiciHttp')).undiciHttp(systemTimers)),
        ...services,
        settings: defaultDeviceSettings,
      });
      if (opened.ok) {
        await opened.value.on(event => {
          if (event.type === 'notice') note(event.message);
        });
      }
      return opened;
    },
  };
};

let isOutputWhole = true;
tellFailedOutput(process.stdout, line => {
  isOutputWhole = false;
  process.exitCode = exitCodes.failed;
  process.stderr.write(`scratch: ${line}\n`);
});

runCommandLine(process.argv.slice(2), processTerminal(), findHome).then(
  exitCode => {
    process.exitCode = isOutputWhole ? exitCode : exitCodes.failed;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
