import path from 'node:path';
import type { Plugin } from 'esbuild';

/**
 * What loads on first use: a dynamic import in our sources becomes a file of its own beside the bundle, because
 * esbuild cannot split CommonJS. Such a part has its own copy of what it shares with the bundle.
 */
export class LazyParts {
  readonly #entries = new Map<string, string>();
  readonly #sourceFolder: string;

  /** @param sourceFolder dynamic imports of files below it become parts */
  constructor(sourceFolder: string) {
    this.#sourceFolder = sourceFolder + path.sep;
  }

  /** Name of the part without extension → resolved path of its entry. */
  get entries(): ReadonlyMap<string, string> {
    return this.#entries;
  }

  get plugin(): Plugin {
    return {
      name: 'lazy-parts',
      setup: build => {
        build.onResolve({ filter: /.*/ }, async args => {
          const isOurs = args.importer.startsWith(this.#sourceFolder);
          if (args.kind !== 'dynamic-import' || !isOurs || args.path.startsWith('node:')) return undefined;
          const { resolveDir, importer } = args;
          const target = await build.resolve(args.path, { kind: 'import-statement', resolveDir, importer });
          if (target.external || target.errors.length > 0) return target;
          return { path: `./${this.#add(args.path, target.path)}.js`, external: true };
        });
      },
    };
  }

  #add(specifier: string, file: string): string {
    const name = specifier.startsWith('.')
      ? path.basename(file, path.extname(file))
      : specifier.replace(/^@/, '').replaceAll('/', '-');
    const known = this.#entries.get(name);
    if (known !== undefined && known !== file) {
      throw new Error(`${known} and ${file} both load on first use as ${name}.js: rename one of them`);
    }
    this.#entries.set(name, file);
    return name;
  }
}
