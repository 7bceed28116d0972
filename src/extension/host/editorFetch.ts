import { readFile } from 'node:fs/promises';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/logger';
import type { FetchInit, FetchLike } from '../../device/sync/fetchHttp';

/**
 * The editor's `fetch`, looked up for each request, because the editor replaces it by one that knows its proxy and
 * certificates. When a person names a file with a private certificate authority, that authority is trusted too.
 *
 * @param certificateFile the path of the file with PEM certificates; empty for none
 */
export function editorFetch(certificateFile: () => string, logger: Logger): FetchLike {
  let agentFile = '';
  let agent: Promise<object | undefined> | undefined;

  function agentFor(file: string): Promise<object | undefined> {
    if (agent === undefined || file !== agentFile) {
      agentFile = file;
      agent = loadAgent(file, logger);
    }
    return agent;
  }

  return async (url, init) => {
    const file = certificateFile();
    const dispatcher = file === '' ? undefined : await agentFor(file);
    // The runtime's own option beside the standard ones.
    const extended: FetchInit = dispatcher ? Object.assign({ ...init }, { dispatcher }) : init;
    return globalThis.fetch(url, extended);
  };
}

/** Without a readable file the editor's certificates alone are trusted, and the failure says which was refused. */
async function loadAgent(file: string, logger: Logger): Promise<object | undefined> {
  try {
    const pem = await readFile(file, 'utf8');
    const { trustingAgent } = await import('./privateCa');
    return trustingAgent(pem);
  } catch (error) {
    logger.error('the certificate file could not be read', { file, error: messageOf(error) });
    return undefined;
  }
}
