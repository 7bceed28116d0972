import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { type ExtensionContext, workspace } from 'vscode';
import type { Logger } from '../../base/logger';
import { systemClock, systemTimers } from '../../base/time';
import type { SecretStore } from '../../device/account/secrets';
import { fetchHttp } from '../../device/sync/fetchHttp';
import { RemoteDevice } from '../../device/worker/remoteDevice';
import { settingKeys, settingsSection } from '../manifest';
import { editorFetch } from './editorFetch';
import { deviceSettings } from './settings';

/** The device of this editor, in a worker thread that starts on first use. Its store is shared by all windows. */
export function editorDevice(context: ExtensionContext, secrets: SecretStore, logger: Logger): RemoteDevice {
  const dist = path.dirname(__filename);
  return new RemoteDevice({
    folder: context.globalStorageUri.fsPath,
    wasmFile: path.join(dist, 'sql-wasm.wasm'),
    startWorker: start =>
      new Worker(path.join(dist, 'worker.js'), {
        workerData: start,
        transferList: [start.services],
        name: 'scratch-sync',
      }),
    settings: currentSettings(),
    secrets,
    http: fetchHttp({ fetch: editorFetch(certificateFile, logger), timers: systemTimers }),
    logger,
    clock: systemClock,
    timers: systemTimers,
  });
}

export function currentSettings() {
  const configuration = workspace.getConfiguration(settingsSection);
  return deviceSettings(key => configuration.get(key));
}

function certificateFile(): string {
  const file: unknown = workspace.getConfiguration(settingsSection).get(settingKeys.serverCertificateFile);
  return typeof file === 'string' ? file.trim() : '';
}
