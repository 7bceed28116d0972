import type { Logger, LogLine } from '../../base/logger';
import type { Result } from '../../base/result';
import type { Clock } from '../../base/time';
import type { HttpClient, HttpFailure, HttpRequest } from './http';

/**
 * The network, with a line of the log for each request: what was asked for, what came of it, how long it took in
 * milliseconds, and bytes. Neither headers nor queries nor bodies are told: tokens, cursors and payloads are in them.
 */
export function loggedHttp(
  http: HttpClient,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): HttpClient {
  const tellingOf = (request: HttpRequest) => {
    const startedMs = clock.monotonic();
    return (facts: Parameters<LogLine>[1]) =>
      logger.debug('request', {
        method: request.method,
        path: new URL(request.url).pathname,
        ...facts,
        ms: Math.round(clock.monotonic() - startedMs),
      });
  };
  return {
    async send(request, signal) {
      const tell = tellingOf(request);
      const answer = await http.send(request, signal);
      const came = answer.ok
        ? { status: answer.value.status, bytesReceived: answer.value.body.length }
        : failureFacts(answer.error);
      tell({ ...came, bytesSent: request.body?.length ?? 0 });
      return answer;
    },
    stream(request, onText) {
      const tell = tellingOf(request);
      const stream = http.stream(request, onText);
      const told = (ended: Result<void, HttpFailure>) => {
        tell(ended.ok ? { stream: 'ended' } : failureFacts(ended.error));
        return ended;
      };
      return { ended: stream.ended.then(told), stop: () => stream.stop() };
    },
  };
}

function failureFacts(failure: HttpFailure): NonNullable<Parameters<LogLine>[1]> {
  switch (failure.type) {
    case 'unreachable':
      return { failed: failure.type, code: failure.code, detail: failure.detail };
    case 'certificate':
      return { failed: failure.type, code: failure.code };
    case 'noStream':
      return { failed: failure.type, status: failure.status };
    default:
      return { failed: failure.type };
  }
}
