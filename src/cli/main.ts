import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { systemCodeOf } from '../base/errors';
import { systemRandom } from '../base/random';
import { systemClock, systemTimers } from '../base/time';
import { fileSecrets } from '../device/fileSecrets';
import { defaultDeviceSettings, openDevice } from '../device/openDevice';
import { lazyHttp } from './lazyHttp';
import { processTerminal } from './processTerminal';
import { type OpenHome, runCommandLine } from './program';

/** The composition root of the terminal: a device in this process, on this machine's disk, clock and network. */
const openHome: OpenHome = async (home, { logger, note }) => {
  const opened = await openDevice({
    folder: home,
    wasm: () => readFile(path.join(__dirname, 'sql-wasm.wasm')),
    secrets: fileSecrets(path.join(home, 'secrets'), note),
    http: lazyHttp(async () => (await import('./undiciHttp')).undiciHttp(systemTimers)),
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    logger,
    settings: defaultDeviceSettings,
  });
  if (opened.ok) {
    await opened.value.on(event => {
      if (event.type === 'notice') note(event.message);
    });
  }
  return opened;
};

// A reader that has seen enough (`| head`) closes the pipe, which is no failure of ours.
process.stdout.on('error', error => {
  if (systemCodeOf(error) !== 'EPIPE') throw error;
});

runCommandLine(process.argv.slice(2), processTerminal(), openHome).then(
  exitCode => {
    process.exitCode = exitCode;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
