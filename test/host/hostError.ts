/** The host cannot be had or did not start. The message is one line for a person and names the next step. */
export class HostError extends Error {
  override readonly name = 'HostError';
}
