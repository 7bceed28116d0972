import { secondMs, systemClock } from '../../src/base/time';

/** Shows a person how long steps are taking. */
export interface Progress {
  /** Runs `work` while showing `title`; the title is marked as failed, and the error passed on, if it fails. */
  step<T>(title: string, work: () => Promise<T>): Promise<T>;
}

const spinnerMs = 250;
const plainLineMs = 15 * secondMs;

/** A spinner with elapsed seconds on a terminal, else plain lines; on standard error, so that results stay clean. */
export function terminalProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  return {
    async step(title, work) {
      const startedMs = systemClock.monotonic();
      const elapsed = () => `${((systemClock.monotonic() - startedMs) / secondMs).toFixed(0)} s`;
      const line = (text: string) => stream.write(stream.isTTY ? `\r\u001b[K${text}\n` : `${text}\n`);
      const ticker = stream.isTTY ? spin(stream, title, elapsed) : tick(line, title, elapsed);
      try {
        const value = await work();
        line(`${title}: done in ${elapsed()}`);
        return value;
      } catch (error) {
        line(`${title}: failed after ${elapsed()}`);
        throw error;
      } finally {
        clearInterval(ticker);
      }
    },
  };
}

function spin(stream: NodeJS.WriteStream, title: string, elapsed: () => string): NodeJS.Timeout {
  const frames = ['|', '/', '-', '\\'];
  let turn = 0;
  return setInterval(() => {
    stream.write(`\r\u001b[K${frames[turn++ % frames.length]} ${title} (${elapsed()})`);
  }, spinnerMs);
}

function tick(line: (text: string) => void, title: string, elapsed: () => string): NodeJS.Timeout {
  line(`${title} ...`);
  return setInterval(() => line(`${title}: still at it after ${elapsed()}`), plainLineMs);
}
