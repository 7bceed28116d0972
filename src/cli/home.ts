import { homedir } from 'node:os';
import path from 'node:path';

/** The folder of the terminal's device: `--home`, else `SCRATCH_HOME`, else the platform's place for data. */
export function homeFolder(
  option: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): string {
  const chosen = option || environment['SCRATCH_HOME'];
  return chosen ? path.resolve(chosen) : path.join(dataFolder(environment, platform), 'scratch-sync');
}

function dataFolder(
  environment: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform,
): string {
  switch (platform) {
    case 'win32':
      return environment['LOCALAPPDATA'] || path.join(homedir(), 'AppData', 'Local');
    case 'darwin':
      return path.join(homedir(), 'Library', 'Application Support');
    default:
      return environment['XDG_DATA_HOME'] || path.join(homedir(), '.local', 'share');
  }
}
