import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../base/errors';
import { createOpenApiDocument } from './openApiDocument';
import { repositoryFolder } from './paths';

/** `tsx src/build/openapi.ts [--check]`: writes `docs/openapi.json`, or fails when it is not what the schemas say. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  const file = path.join(repositoryFolder, 'docs', 'openapi.json');
  const text = `${JSON.stringify(createOpenApiDocument(), null, 2)}\n`;
  if (!values.check) {
    await writeFile(file, text);
  } else if ((await readFile(file, 'utf8')) !== text) {
    throw new Error('docs/openapi.json is not what the schemas say. Run: npx tsx src/build/openapi.ts');
  }
}

main().catch((error: unknown) => {
  console.error(messageOf(error));
  process.exitCode = 1;
});
