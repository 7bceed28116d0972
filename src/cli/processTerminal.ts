import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { Terminal, TextSink } from './terminal';

const defaultColumns = 80;

/** The terminal that this process was started from. */
export function processTerminal(): Terminal {
  return {
    environment: process.env,
    out: sink(process.stdout),
    errors: sink(process.stderr),
    input: {
      isTerminal: process.stdin.isTTY === true,
      pieces: process.stdin,
      askSecret,
    },
  };
}

function sink(stream: NodeJS.WriteStream): TextSink {
  return {
    write: text => stream.write(text),
    isTerminal: stream.isTTY === true,
    columns: stream.columns ?? defaultColumns,
  };
}

async function askSecret(question: string): Promise<string | undefined> {
  process.stderr.write(question);
  const discard = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: discard, terminal: true, historySize: 0 });
  const giveUp = new AbortController();
  lines.once('SIGINT', () => giveUp.abort());
  lines.once('close', () => giveUp.abort());
  try {
    return await lines.question('', { signal: giveUp.signal });
  } catch (error) {
    if (giveUp.signal.aborted) return undefined;
    throw error;
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
