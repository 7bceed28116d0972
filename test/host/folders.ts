import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of these files, with the host's own package.json and lockfile. */
export const hostFolder = path.dirname(fileURLToPath(import.meta.url));

export const repositoryFolder = path.resolve(hostFolder, '../..');

/** Everything heavy that is installed or built for tests, and nothing that is committed. */
export const cacheFolder = path.join(repositoryFolder, '.vscode-test');
