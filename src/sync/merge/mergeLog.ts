/** A conflict record has room for so many names; what else gave way goes unnamed. */
export const maxNamedKeys = 100;
/** A longer name is cut, which three dots show. In characters. */
export const maxKeyLength = 120;

/** What a merge decided for the later side, gathered while it goes through the fields. */
export class MergeLog {
  private readonly names = new Set<string>();
  private asking = false;

  /** The fields, and the keys of JSON bodies, in which the later side won over a different change, each once. */
  get keys(): readonly string[] {
    return [...this.names];
  }

  /** True when a person is to be asked. */
  get open(): boolean {
    return this.asking;
  }

  /** The later side won a field over the earlier one, by the rule alone. */
  decided(name: string): void {
    if (this.names.size < maxNamedKeys) this.names.add(shortened(name));
  }

  /** The later side won over something that a person wrote on the earlier one. */
  lost(name: string): void {
    this.decided(name);
    this.asking = true;
  }

  /** Nothing was lost, but a person should look. */
  doubtful(): void {
    this.asking = true;
  }
}

function shortened(name: string): string {
  if (name.length <= maxKeyLength) return name;
  return `${Array.from(name.slice(0, maxKeyLength)).slice(0, -1).join('')}…`;
}
