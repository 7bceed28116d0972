/** What a command sees of the world around it, so that tests can bring their own. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly out: TextSink;
  readonly errors: TextSink;
  readonly input: TerminalInput;
}

export interface TextSink {
  write(text: string): void;
  /** True when a person reads it as it is written. */
  readonly isTerminal: boolean;
  /** Columns of that terminal. */
  readonly columns: number;
}

export interface TerminalInput {
  /** True when a person types it. */
  readonly isTerminal: boolean;
  /** All of it, in pieces. */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Asks for a line that is not shown as it is typed; undefined when the person gave up (Ctrl+C). */
  askSecret(question: string): Promise<string | undefined>;
}
