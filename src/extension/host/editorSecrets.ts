import type { SecretStorage } from 'vscode';
import type { Logger } from '../../base/logger';
import { systemRandom } from '../../base/random';
import { fileSecrets, isPrivateFolder } from '../../device/account/fileSecrets';
import type { SecretStore } from '../../device/account/secrets';

/**
 * Names a folder that only its owner can read, in which secrets are kept instead of in the editor's secret storage: for
 * hosts without a keyring, such as a container. Only who starts the editor can set it.
 */
export const secretsFolderVariable = 'SCRATCH_SECRETS_FOLDER';

/** Where the session and the keys are kept. The log says so when it is not the editor's secret storage. */
export function editorSecrets(
  storage: SecretStorage,
  environment: Readonly<Record<string, string | undefined>>,
  logger: Logger,
): SecretStore {
  const folder = environment[secretsFolderVariable];
  if (folder === undefined || folder === '') return storageSecrets(storage);
  let chosen: Promise<SecretStore> | undefined;
  const choose = () => {
    chosen ??= folderSecrets(folder, storage, logger);
    return chosen;
  };
  return {
    get: async name => (await choose()).get(name),
    set: async (name, value) => (await choose()).set(name, value),
    delete: async name => (await choose()).delete(name),
  };
}

async function folderSecrets(folder: string, storage: SecretStorage, logger: Logger): Promise<SecretStore> {
  if (!(await isPrivateFolder(folder))) {
    logger.warn(`${secretsFolderVariable} is not used: it must be a folder that only you can read`, {
      folder,
    });
    return storageSecrets(storage);
  }
  logger.info(`secrets are kept in a folder, because ${secretsFolderVariable} is set`, { folder });
  return fileSecrets(folder, systemRandom, message => logger.warn(message));
}

function storageSecrets(storage: SecretStorage): SecretStore {
  return {
    get: async name => storage.get(name),
    set: async (name, value) => storage.store(name, value),
    delete: async name => storage.delete(name),
  };
}
