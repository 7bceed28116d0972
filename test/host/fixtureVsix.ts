import path from 'node:path';
import { createVSIX } from '@vscode/vsce';
import { hostFolder } from './folders';

/** Packs an extension of `test/host/fixtures` into `folder` and answers the path of its VSIX file. */
export async function packFixture(name: string, folder: string): Promise<string> {
  const packagePath = path.join(folder, `${name}.vsix`);
  await createVSIX({ cwd: path.join(hostFolder, 'fixtures', name), packagePath, skipLicense: true });
  return packagePath;
}
