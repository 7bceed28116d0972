import { messageOf, systemCodeOf } from './errors';

/** A stream, of which only its failure matters. */
export interface Failing {
  on(event: 'error', listener: (error: unknown) => void): unknown;
}

/**
 * Tells in one line, once, that what a command prints cannot be written. A reader that has seen enough (`| head`) closes
 * the pipe, which is no failure.
 * @param fail hears the line; may be called after everything else has ended
 */
export function tellFailedOutput(out: Failing, fail: (line: string) => void): void {
  let isTold = false;
  out.on('error', error => {
    const code = systemCodeOf(error);
    if (isTold || code === 'EPIPE') return;
    isTold = true;
    fail(
      `Standard output cannot be written (${code ?? messageOf(error)}): what is printed is not whole. Send it elsewhere, or make room there.`,
    );
  });
}
