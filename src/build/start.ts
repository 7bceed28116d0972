import { terminalProgress } from '../../test/host/progress';
import { messageOf } from '../base/errors';
import { type Demo, startDemo } from './demo';
import { takeNoOptions } from './scriptOptions';

/** `npm start`: the whole product on this machine, until Ctrl+C. */
async function main(): Promise<void> {
  takeNoOptions('npm start');
  const interrupted = new Promise<string>(resolve => {
    // Kept until the end: whoever keeps a process group ends this process when nobody else listens.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(''));
  });
  const starting = startDemo({
    progress: terminalProgress(),
    note: message => console.log(message),
    testDriver: false,
  });
  const first = await Promise.race([starting, interrupted]);
  if (typeof first === 'string') console.log('\nStopping what was started ...');
  const demo = await starting;
  if (typeof first !== 'string') {
    console.log(welcome(demo));
    const why = await Promise.race([demo.broken, interrupted]);
    console.log(why === '' ? '\nStopping ...' : `\n${why} Stopping the rest ...`);
    process.exitCode = why === '' ? 0 : 1;
  }
  await demo.stop();
  console.log('Everything has stopped.');
  process.exit();
}

function welcome(demo: Demo): string {
  return `
Scratch Sync is running. Open both in a browser and see an edit travel:

  laptop   ${demo.laptop.origin}
  desktop  ${demo.desktop.origin}

The server is ${demo.serverUrl}; a third device signs in with login ${demo.login} and password ${demo.password}:

  node dist/cli.js --home third-device sign-in --server ${demo.serverUrl} --login ${demo.login}

Its data is fresh and goes when this ends. Ctrl+C stops everything.
`;
}

main().catch((error: unknown) => {
  console.error(`\nThe demo did not start: ${messageOf(error)}`);
  process.exit(1);
});
