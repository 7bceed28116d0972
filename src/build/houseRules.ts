import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { repositoryFolder } from './paths';

/** A rule of `docs/ARCHITECTURE.md` that no other tool of the check knows. */
interface HouseRule {
  readonly forbidden: RegExp;
  readonly why: string;
  /** True for the files, by their path from the repository's folder, that the rule is for. */
  readonly appliesTo: (file: string) => boolean;
}

const inProduct = (file: string) => file.startsWith('src/') && !file.startsWith('src/build/');
const everywhere = () => true;

const rules: readonly HouseRule[] = [
  {
    forbidden: /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bperformance\.now\b/,
    why: 'time and chance come in as Clock and Random of src/base',
    appliesTo: file => inProduct(file) && !file.startsWith('src/base/'),
  },
  {
    forbidden: /(?<![.\w])set(Timeout|Interval)\(/,
    why: 'delays come in as Timers of src/base',
    appliesTo: file => inProduct(file) && !file.startsWith('src/base/'),
  },
  {
    forbidden: /^import \{ z \} from 'zod'/,
    why: '`import * as z` bundles at a fifth of the size',
    appliesTo: file => file.startsWith('src/'),
  },
  { forbidden: /^export default\b/, why: 'exports have names', appliesTo: everywhere },
  {
    forbidden: /@ts-(ignore|nocheck|expect-error)/,
    why: 'types are not switched off',
    appliesTo: everywhere,
  },
  {
    forbidden: /\bas unknown as\b|\bas any\b/,
    why: 'unknown data is decoded, not cast',
    appliesTo: everywhere,
  },
  { forbidden: /^export \* from/, why: 'there are no barrel files', appliesTo: everywhere },
  { forbidden: /\bcatch( \(\w+\))? \{\s*\}/, why: 'no error is swallowed', appliesTo: everywhere },
  {
    forbidden: /\b(it|describe)\.skip\(|\bthis\.skip\(|\bx(it|describe)\(/,
    why: 'a test that cannot run fails',
    appliesTo: file => file.startsWith('test/'),
  },
];

const maxFileLines = 400;

/** What breaks a rule in one file: `path:line: why`. */
export function broken(file: string, text: string): readonly string[] {
  const lines = text.split('\n');
  const found = rules
    .filter(rule => rule.appliesTo(file))
    .flatMap(rule =>
      lines.flatMap((line, index) =>
        rule.forbidden.test(line) ? [`${file}:${index + 1}: ${rule.why}: ${line.trim()}`] : [],
      ),
    );
  const tooLong =
    lines.length > maxFileLines && file.startsWith('src/') ? [`${file}: over ${maxFileLines} lines`] : [];
  return [...found, ...tooLong];
}

async function main(): Promise<void> {
  const names = await Promise.all(
    ['src', 'test'].map(async folder =>
      (await readdir(path.join(repositoryFolder, folder), { recursive: true })).map(name =>
        path.posix.join(folder, name.replaceAll(path.sep, '/')),
      ),
    ),
  );
  const files = names.flat().filter(name => name.endsWith('.ts') && !name.includes('/node_modules/'));
  const texts = await Promise.all(
    files.map(async file => ({ file, text: await readFile(path.join(repositoryFolder, file), 'utf8') })),
  );
  const found = texts.filter(
    ({ file }) => !file.endsWith('/houseRules.ts') && !file.endsWith('/houseRules.test.ts'),
  );
  const problems = found.flatMap(({ file, text }) => broken(file, text));
  for (const problem of problems) console.log(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

if (require.main === module) {
  main().catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
}
