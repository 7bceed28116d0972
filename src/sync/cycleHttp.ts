import type { HttpClient } from './http';

/**
 * The network as a sync cycle uses it: every answer shows the other windows that the cycle goes on, whatever it was
 * asked for.
 */
export function cycleHttp(http: HttpClient, heartbeat: () => void): HttpClient {
  return {
    async send(request) {
      const answer = await http.send(request);
      heartbeat();
      return answer;
    },
    stream: (request, onText) => http.stream(request, onText),
  };
}
