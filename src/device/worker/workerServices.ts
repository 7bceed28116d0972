import { proxy, type Remote, releaseProxy } from 'comlink';
import { messageOf } from '../../base/errors';
import { type Logger, loggerOf, silentLogger } from '../../base/logger';
import { err } from '../../base/result';
import type { HttpClient } from '../../sync/transport/http';
import type { SecretStore } from '../account/secrets';
import type { HostServices } from './workerContract';

export interface LentServices {
  readonly secrets: SecretStore;
  readonly http: HttpClient;
  readonly logger: Logger;
}

/** The host's side: what the worker may call, and the end of its requests and streams when it has gone. */
export function lendServices({ secrets, http, logger }: LentServices): {
  readonly services: HostServices;
  stopAll(): void;
} {
  const stops = new Map<number, () => void>();
  const services: HostServices = {
    secrets: proxy({
      get: name => secrets.get(name),
      set: (name, value) => secrets.set(name, value),
      delete: name => secrets.delete(name),
    }),
    async send(id, request) {
      const stopping = new AbortController();
      stops.set(id, () => stopping.abort());
      try {
        return await http.send(request, stopping.signal);
      } finally {
        stops.delete(id);
      }
    },
    async stream(id, request, onText) {
      const stream = http.stream(request, text => {
        // Fails only when the worker has gone, and its stream with it.
        onText(text).catch(silentLogger.debug);
      });
      stops.set(id, () => stream.stop());
      const ended = await stream.ended;
      stops.delete(id);
      onText[releaseProxy]();
      return ended;
    },
    stop: id => stops.get(id)?.(),
    log: (level, message, fields) => logger[level](message, fields),
  };
  return {
    services,
    stopAll() {
      for (const stop of stops.values()) stop();
    },
  };
}

/** The worker's side: the host's services in the shapes that a device takes. */
export function borrowServices(host: Remote<HostServices>): LentServices {
  const logger = borrowedLogger(host);
  let lastId = 0;
  const stop = (id: number) => {
    host.stop(id).catch((error: unknown) => {
      logger.warn('a request could not be stopped', { error: messageOf(error) });
    });
  };
  return {
    secrets: {
      get: name => host.secrets.get(name),
      set: (name, value) => host.secrets.set(name, value),
      delete: name => host.secrets.delete(name),
    },
    http: {
      async send(request, signal) {
        const id = ++lastId;
        const stopThis = () => stop(id);
        if (signal?.aborted) return err({ type: 'stopped' });
        signal?.addEventListener('abort', stopThis);
        try {
          return await host.send(id, request);
        } finally {
          signal?.removeEventListener('abort', stopThis);
        }
      },
      stream(request, onText) {
        const id = ++lastId;
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
            stop(id);
          },
        };
      },
    },
    logger,
  };
}

function borrowedLogger(host: Remote<HostServices>): Logger {
  return loggerOf((level, message, fields) => {
    // The host has gone when this fails, and with it the log.
    host.log(level, message, fields ?? {}).catch(silentLogger.debug);
  });
}
