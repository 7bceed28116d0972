import { cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { isoTime, systemClock } from '../../src/base/time';
import { scriptOptions, WrongUsage } from '../../src/build/scriptOptions';
import { benchActivation } from './activationBench';
import { markdownReport, type Section } from './report';
import { benchStore } from './storeBench';
import { benchSync } from './syncBench';

/** `npm run bench`: the figures, printed as the Markdown of `docs/BENCHMARKS.md`. Names of sections narrow it to those. */
const sections: Readonly<Record<string, (progress: (line: string) => void) => Promise<Section>>> = {
  activation: benchActivation,
  store: benchStore,
  sync: benchSync,
};

const usage = `npm run bench -- [${Object.keys(sections).join('|')}]...`;

function chosenSections(): readonly string[] {
  const { positionals } = parseArgs({ allowPositionals: true, options: {} });
  const unknown = positionals.filter(name => !Object.hasOwn(sections, name));
  if (unknown.length > 0) throw new WrongUsage(`There is no section ${unknown.join(', ')}`);
  return positionals;
}

async function main(): Promise<void> {
  const wanted = scriptOptions(usage, chosenSections);
  const results: Section[] = [];
  for (const [name, bench] of Object.entries(sections)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const section = await bench(line => console.error(line));
    results.push(section);
  }
  console.log(markdownReport(`Measured ${dateAndMachine()}`, results));
}

function dateAndMachine(): string {
  const [processor] = cpus();
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  return (
    `${isoTime(systemClock.now()).slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${processor?.model ?? 'unknown'}, ` +
    `${gibibytes} GiB of memory, ${process.platform}; load average ${loadavg()
      .map(load => load.toFixed(1))
      .join(', ')}.`
  );
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
