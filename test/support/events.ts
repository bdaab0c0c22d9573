/** A reader of a stream of events (https://html.spec.whatwg.org/multipage/server-sent-events.html), over either protocol. */

import { connect as connectHttp2 } from "node:http2";
import type { Protocol } from "./client.ts";

/** A stream that is open. */
export interface EventStream {
  readonly contentType: string;
  /** The JSON of the next event; undefined where the stream has ended. */
  next(): Promise<unknown>;
  close(): Promise<void>;
}

/** Opens a stream. Rejects where it is refused. */
export async function openEvents(
  port: number,
  { protocol, path, cookie }: { readonly protocol: Protocol; readonly path: string; readonly cookie: string },
): Promise<EventStream> {
  const body = protocol === "HTTP/2" ? openHttp2(port, path, cookie) : openHttp1(port, path, cookie);
  const { contentType, pieces } = await body;
  let text = "";
  return {
    contentType,
    async next() {
      for (;;) {
        const end = text.indexOf("\n\n");
        if (end >= 0) {
          const event = text.slice(0, end);
          text = text.slice(end + 2);
          if (!/^data: [^\n]*$/.test(event)) throw new Error(`Not one line of data: ${event}`);
          return JSON.parse(event.slice("data: ".length));
        }
        const { done, value } = await pieces.next();
        if (done === true) return undefined;
        text += Buffer.from(value).toString();
      }
    },
    async close() {
      await pieces.return?.();
    },
  };
}

type Opened = Promise<{ contentType: string; pieces: AsyncIterator<Uint8Array> }>;

async function openHttp1(port: number, path: string, cookie: string): Opened {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie } });
  if (response.status !== 200 || response.body === null) throw new Error(`Refused with ${response.status}`);
  return {
    contentType: response.headers.get("content-type") ?? "",
    pieces: response.body[Symbol.asyncIterator](),
  };
}

async function openHttp2(port: number, path: string, cookie: string): Opened {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  const stream = session.request({ ":path": path, cookie });
  const head = Promise.withResolvers<Record<string, unknown>>();
  stream.on("response", head.resolve);
  stream.on("error", head.reject);
  stream.on("close", () => session.close());
  const headers = await head.promise;
  if (headers[":status"] !== 200) throw new Error(`Refused with ${headers[":status"]}`);
  return { contentType: String(headers["content-type"]), pieces: stream[Symbol.asyncIterator]() };
}
