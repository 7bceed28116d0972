/** The part of the WebAssembly JavaScript API that is used here; the compiler's `ES2023` library has none of it. */
declare namespace WebAssembly {
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
  interface Instance {
    readonly exports: Exports;
  }
  type Exports = Readonly<Record<string, unknown>>;
  type Imports = Record<string, Record<string, unknown>>;
  interface MemoryConstructor {
    new (descriptor: { readonly initial: number }): Memory;
  }
  const Memory: MemoryConstructor;
  function compile(bytes: Uint8Array): Promise<Module>;
  function instantiate(module: Module, imports: Imports): Promise<Instance>;
}
