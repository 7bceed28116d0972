import { ok } from '../base/result';
import type { HttpClient, HttpStream } from '../sync/transport/http';

/** A network that is loaded on first use: most commands of a terminal do without. */
export function lazyHttp(load: () => Promise<HttpClient>): HttpClient {
  let loading: Promise<HttpClient> | undefined;
  const loaded = () => {
    loading ??= load();
    return loading;
  };
  return {
    send: async (request, signal) => (await loaded()).send(request, signal),
    stream(request, onText): HttpStream {
      let stopped = false;
      let opened: HttpStream | undefined;
      const open = async () => {
        const client = await loaded();
        if (stopped) return ok();
        opened = client.stream(request, onText);
        return opened.ended;
      };
      return {
        ended: open(),
        stop() {
          stopped = true;
          opened?.stop();
        },
      };
    },
  };
}
