/** The memory of a WebAssembly instance, seen afresh after each time that it has grown. */
export class WasmMemory {
  #memory: WebAssembly.Memory | undefined;
  #bytes = new Uint8Array(0);
  #view = new DataView(new ArrayBuffer(0));

  /** Takes the memory that the instance exports. */
  attach(instance: WebAssembly.Instance): void {
    this.#memory = Object.values(instance.exports).find(exported => exported instanceof WebAssembly.Memory);
    if (this.#memory === undefined) throw new Error('the WebAssembly instance exports no memory');
  }

  get bytes(): Uint8Array {
    this.#refresh();
    return this.#bytes;
  }

  get view(): DataView {
    this.#refresh();
    return this.#view;
  }

  /** The text that ends before the first zero byte from `at` on. */
  text(at: number): string {
    const { bytes } = this;
    const end = bytes.indexOf(0, at);
    return decoder.decode(bytes.subarray(at, end < 0 ? at : end));
  }

  #refresh(): void {
    const buffer = this.#memory?.buffer;
    if (buffer === undefined || this.#bytes.buffer === buffer) return;
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
  }
}

const decoder = new TextDecoder();
