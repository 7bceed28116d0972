import path from 'node:path';
import { hostFolder } from './folders';
import { installServer, removeUnused, requireHostSystem, type ServerPaths, serverPaths } from './install';
import { installOnce } from './installation';
import { type Progress, terminalProgress } from './progress';

/**
 * Installs the oldest VS Code that the extension supports, with a Node of its time, as `ensureHost` does the newest;
 * start it with `startWorkbench` (runner `direct`) and look at it with the browser of `ensureHost`. Throws `HostError`.
 */
export async function ensureFloorHost(progress: Progress = terminalProgress()): Promise<ServerPaths> {
  requireHostSystem();
  const manifestFolder = path.join(hostFolder, 'floor');
  const folder = await installOnce(
    {
      name: 'floor',
      revision: 1,
      manifestFolder,
      async install(staging, logFile) {
        await installServer(staging, manifestFolder, logFile, progress);
        await removeUnused(staging);
      },
    },
    progress,
  );
  return serverPaths(folder);
}
