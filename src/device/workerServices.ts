import { proxy, type Remote, releaseProxy } from 'comlink';
import { messageOf } from '../base/errors';
import { type Logger, type LogLevel, silentLogger } from '../base/logger';
import { err } from '../base/result';
import type { HttpClient, HttpStream } from '../sync/http';
import type { SecretStore } from './secrets';
import type { HostServices } from './workerContract';

export interface LentServices {
  readonly secrets: SecretStore;
  readonly http: HttpClient;
  readonly logger: Logger;
}

/** The host's side: what the worker may call, and the end of its streams when it has gone. */
export function lendServices({ secrets, http, logger }: LentServices): {
  readonly services: HostServices;
  stopStreams(): void;
} {
  const streams = new Map<number, HttpStream>();
  const services: HostServices = {
    secrets: proxy({
      get: name => secrets.get(name),
      set: (name, value) => secrets.set(name, value),
      delete: name => secrets.delete(name),
    }),
    send: request => http.send(request),
    async stream(id, request, onText) {
      const stream = http.stream(request, text => {
        // Fails only when the worker has gone, and its stream with it.
        onText(text).catch(silentLogger.debug);
      });
      streams.set(id, stream);
      const ended = await stream.ended;
      streams.delete(id);
      onText[releaseProxy]();
      return ended;
    },
    stopStream: id => streams.get(id)?.stop(),
    log: (level, message, fields) => logger[level](message, fields),
  };
  return {
    services,
    stopStreams() {
      for (const stream of streams.values()) stream.stop();
    },
  };
}

/** The worker's side: the host's services in the shapes that a device takes. */
export function borrowServices(host: Remote<HostServices>): LentServices {
  const logger = borrowedLogger(host);
  let lastStreamId = 0;
  return {
    secrets: {
      get: name => host.secrets.get(name),
      set: (name, value) => host.secrets.set(name, value),
      delete: name => host.secrets.delete(name),
    },
    http: {
      send: request => host.send(request),
      stream(request, onText) {
        const id = ++lastStreamId;
        let stopped = false;
        const hear = proxy((text: string) => {
          if (!stopped) onText(text);
        });
        return {
          ended: host.stream(id, request, hear).catch((error: unknown) => {
            return err({ type: 'unreachable' as const, code: 'HOST', detail: messageOf(error) });
          }),
          stop() {
            stopped = true;
            host.stopStream(id).catch((error: unknown) => {
              logger.warn('a stream could not be stopped', { error: messageOf(error) });
            });
          },
        };
      },
    },
    logger,
  };
}

function borrowedLogger(host: Remote<HostServices>): Logger {
  const line =
    (level: LogLevel): Logger['info'] =>
    (message, fields) => {
      // The host has gone when this fails, and with it the log.
      host.log(level, message, fields ?? {}).catch(silentLogger.debug);
    };
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
}
