/** The file name extension by which the editor recognises a language; `.txt` for one that is not in the table. */
export function extensionOf(language: string): string {
  return extensions.get(language) ?? '.txt';
}

/** True when the editor finds the language by {@link extensionOf}; else it must be told. */
export function isKnownLanguage(language: string): boolean {
  return extensions.has(language);
}

/** VS Code's language ids with the first extension of each in its own language manifests. */
const extensions: ReadonlyMap<string, string> = new Map([
  ['bat', '.bat'],
  ['c', '.c'],
  ['clojure', '.clj'],
  ['coffeescript', '.coffee'],
  ['cpp', '.cpp'],
  ['csharp', '.cs'],
  ['css', '.css'],
  ['dart', '.dart'],
  ['diff', '.diff'],
  ['dockerfile', '.dockerfile'],
  ['fsharp', '.fs'],
  ['go', '.go'],
  ['graphql', '.graphql'],
  ['groovy', '.groovy'],
  ['handlebars', '.hbs'],
  ['html', '.html'],
  ['ini', '.ini'],
  ['java', '.java'],
  ['javascript', '.js'],
  ['javascriptreact', '.jsx'],
  ['json', '.json'],
  ['jsonc', '.jsonc'],
  ['julia', '.jl'],
  ['kotlin', '.kt'],
  ['latex', '.tex'],
  ['less', '.less'],
  ['lua', '.lua'],
  ['makefile', '.mk'],
  ['markdown', '.md'],
  ['objective-c', '.m'],
  ['perl', '.pl'],
  ['php', '.php'],
  ['plaintext', '.txt'],
  ['powershell', '.ps1'],
  ['properties', '.properties'],
  ['python', '.py'],
  ['r', '.r'],
  ['razor', '.cshtml'],
  ['ruby', '.rb'],
  ['rust', '.rs'],
  ['scss', '.scss'],
  ['shellscript', '.sh'],
  ['snippet', '.txt'],
  ['snippets', '.code-snippets'],
  ['sql', '.sql'],
  ['swift', '.swift'],
  ['toml', '.toml'],
  ['typescript', '.ts'],
  ['typescriptreact', '.tsx'],
  ['vb', '.vb'],
  ['vue', '.vue'],
  ['xml', '.xml'],
  ['yaml', '.yml'],
]);
