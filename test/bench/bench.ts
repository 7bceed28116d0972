import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import path from 'node:path';
import { isoTime, systemClock } from '../../src/base/time';
import { repositoryFolder } from '../../src/build/paths';
import { benchActivation } from './activationBench';
import { markdownReport, plainTable, type Section } from './report';
import { benchStore } from './storeBench';
import { benchSync } from './syncBench';

/** `npm run bench`: the figures, printed and written to `docs/BENCHMARKS.md`. Names of sections narrow it to those. */
const sections: Readonly<Record<string, (progress: (line: string) => void) => Promise<Section>>> = {
  activation: benchActivation,
  store: benchStore,
  sync: benchSync,
};

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter(name => !(name in sections));
  if (unknown.length > 0)
    throw new Error(`there is no section ${unknown.join(', ')}: ${Object.keys(sections).join(', ')}`);
  const results: Section[] = [];
  for (const [name, bench] of Object.entries(sections)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const section = await bench(line => console.error(line));
    results.push(section);
    console.log(`\n${section.title}\n\n${section.tables.map(plainTable).join('\n\n')}`);
  }
  if (wanted.length > 0) return; // a part is not the page
  writeFileSync(path.join(repositoryFolder, 'docs/BENCHMARKS.md'), markdownReport(intro(), results));
}

function intro() {
  const [processor] = cpus();
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  return {
    title: 'Benchmarks',
    lines: [
      'Made by `npm run bench`, which anybody can repeat. Absolute figures are those of one machine on one day; ratios',
      'between engines measured in the same run say more.',
      '',
      `${isoTime(systemClock.now()).slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${processor?.model ?? 'unknown'}, ` +
        `${gibibytes} GiB of memory, ${process.platform}.`,
    ],
  };
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
