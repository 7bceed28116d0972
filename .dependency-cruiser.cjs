/**
 * The import table of docs/ARCHITECTURE.md: what each folder of src/ may import besides itself. Types count.
 * @type {Record<string, readonly string[]>}
 */
const mayImport = {
  base: [],
  model: ['base'],
  sqlite: ['base', 'model/ids'],
  crypto: ['base', 'model/ids'],
  protocol: ['base', 'model/ids'],
  store: ['base', 'model', 'sqlite'],
  sync: ['base', 'model', 'store', 'crypto', 'protocol'],
  device: ['base', 'model', 'sqlite', 'crypto', 'protocol', 'store', 'sync'],
  extension: ['base', 'model', 'sqlite', 'crypto', 'protocol', 'store', 'sync', 'device'],
  cli: ['base', 'model', 'sqlite', 'crypto', 'protocol', 'store', 'sync', 'device'],
  server: ['base', 'protocol', 'sqlite'],
  build: ['base', 'protocol'],
};

const tableRules = Object.entries(mayImport).map(([folder, allowed]) => ({
  name: `${folder}-imports`,
  comment: `src/${folder} may import ${allowed.join(', ') || 'nothing'} of src/`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: [folder, ...allowed].map(name => `^src/${name}/`) },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...tableRules,
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolved',
      comment: 'every import leads somewhere; `vscode` is given by the editor',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^vscode$' },
    },
    {
      name: 'vscode-in-extension',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/extension/' },
      to: { path: '^vscode$|node_modules/@types/vscode' },
    },
    {
      name: 'undici-where-transports-are-put-together',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli|extension)/' },
      to: { path: 'node_modules/undici(-types)?/' },
    },
    {
      name: 'sql-js-in-sqlite',
      comment: 'the build copies its wasm file by name, which is no import',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/sqlite/' },
      to: { path: 'node_modules/(@types/)?sql\\.js' },
    },
    {
      name: 'source-does-not-import-tests',
      comment: 'but for the parts of the build that start the real editor',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/build/' },
      to: { path: '^test/' },
    },
    {
      name: 'product-does-not-import-the-build',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/build/' },
      to: { path: '^src/build/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^test/host/node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
