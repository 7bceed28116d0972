import { messageOf } from '../base/errors';
import { minuteMs, systemClock } from '../base/time';
import { runNode, seconds } from './childProcess';
import { toolArguments } from './paths';
import { takeNoOptions } from './scriptOptions';

interface Check {
  readonly name: string;
  /** Arguments of `node`. */
  readonly args: readonly string[];
}

/** The slowest first, so that two at a time end soonest. */
const checks: readonly Check[] = [
  { name: 'types', args: toolArguments('typescript/bin/tsc', ['--noEmit', '--project', '.']) },
  {
    name: 'import rules',
    args: toolArguments('dependency-cruiser/bin/dependency-cruise.mjs', [
      '--config',
      '.dependency-cruiser.cjs',
      '--output-type',
      'err',
      'src',
      'test',
    ]),
  },
  { name: 'dead code', args: toolArguments('knip/bin/knip.js', ['--no-progress']) },
  {
    name: 'lint and format',
    args: toolArguments('@biomejs/biome/bin/biome', ['check', '--error-on-warnings', '.']),
  },
  { name: 'house rules', args: ['--import', 'tsx', 'src/build/houseRules.ts'] },
];

const maxChecksAtOnce = 2;
const checkLimitMs = 3 * minuteMs;

/** `npm run check`: types, lint, format, import rules, dead code. Output is shown of what fails. */
async function main(): Promise<void> {
  takeNoOptions('npm run check');
  const startedMs = systemClock.monotonic();
  const waiting = [...checks];
  const failed: string[] = [];
  const worker = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      if (!(await runCheck(check))) failed.push(check.name);
    }
  };
  await Promise.all(Array.from({ length: maxChecksAtOnce }, worker));
  const took = seconds(systemClock.monotonic() - startedMs);
  console.log(
    failed.length === 0 ? `all in order, in ${took}` : `not in order: ${failed.join(', ')} (${took})`,
  );
  process.exitCode = failed.length === 0 ? 0 : 1;
}

async function runCheck({ name, args }: Check): Promise<boolean> {
  const end = await runNode({ args, output: 'keep', limitMs: checkLimitMs });
  const passed = end.code === 0;
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${name} (${seconds(end.durationMs)})`);
  if (!passed) console.log(`${[end.output.trim(), end.broken].filter(Boolean).join('\n')}\n`);
  return passed;
}

main().catch((error: unknown) => {
  console.error(`The checks were not run: ${messageOf(error)}`);
  process.exitCode = 1;
});
