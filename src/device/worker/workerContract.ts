import type { MessagePort } from 'node:worker_threads';
import type { ProxyMarked, Remote } from 'comlink';
import type { LogFields, LogLevel } from '../../base/logger';
import type { Result } from '../../base/result';
import type { HttpAnswer, HttpFailure, HttpRequest } from '../../sync/transport/http';
import type { SecretStore } from '../account/secrets';
import type {
  Device,
  DeviceAccount,
  DeviceConflicts,
  DeviceDocuments,
  DeviceEvent,
  DeviceItems,
  DeviceSettings,
  DeviceSync,
  DeviceUpkeep,
} from '../device';
import type { DeviceError } from '../deviceError';
import type { LockCheckJson } from '../json';

/**
 * What passes between the host's thread and the worker thread in which a device runs. The worker offers
 * {@link WorkerEntry} on its own port; the host lends it {@link HostServices} on a second one.
 */
export interface WorkerStart {
  readonly folder: string;
  /** Path of `sql-wasm.wasm`. */
  readonly wasmFile: string;
  readonly services: MessagePort;
}

export interface WorkerEntry {
  /** Opens the device. The other members may only be used after it succeeded. */
  open(
    settings: DeviceSettings,
    onEvent: Remote<((event: DeviceEvent) => void) & ProxyMarked>,
  ): Promise<Result<void, DeviceError>>;
  readonly items: DeviceItems & ProxyMarked;
  readonly documents: DeviceDocuments & ProxyMarked;
  readonly conflicts: DeviceConflicts & ProxyMarked;
  readonly account: DeviceAccount & ProxyMarked;
  readonly sync: DeviceSync & ProxyMarked;
  readonly upkeep: DeviceUpkeep & ProxyMarked;
  /** May be asked before {@link open}. */
  checkLocks(options: { readonly mend: boolean }): Promise<Result<LockCheckJson, DeviceError>>;
  configure: Device['configure'];
  /** Answers at once, as a sign of life. */
  ping(): void;
  close(): Promise<void>;
}

export interface HostServices {
  readonly secrets: SecretStore & ProxyMarked;
  /** `id` names it for {@link stop}. */
  send(id: number, request: HttpRequest): Promise<Result<HttpAnswer, HttpFailure>>;
  /** Resolves when the stream has ended. `id` names it for {@link stop}. */
  stream(
    id: number,
    request: HttpRequest,
    onText: Remote<((text: string) => void) & ProxyMarked>,
  ): Promise<Result<void, HttpFailure>>;
  /** Ends a request or a stream that goes on. */
  stop(id: number): void;
  log(level: LogLevel, message: string, fields: LogFields): void;
}
