/** Visitors in great number, each request of whom can be told from every other one where it is stored. */

import { type ClientHttp2Session, connect } from "node:http2";

/** Requests that are under way at once. */
const AT_ONCE = 64;
/** Pages each visitor asks for. */
const PAGES = 100;

/** Names of the objects that the visitors ask for. */
export const PAGE_NAMES = Array.from({ length: PAGES }, (_, page) => `page-${page}.html`);

/** A load whose requests have numbers: no two have the same page and visitor. */
export interface Load {
  /** Sends so many more, half of them over HTTP/2, to a port; rejects where one isn't answered with 200. */
  send(count: number, port: number): Promise<void>;
  /** Resolves when so many are answered, counted from the first. */
  answered(count: number): Promise<void>;
  readonly sent: number;
}

/** The visitor of a request: every other one is in Japan, for the database that tests have, and the rest nowhere. */
export function visitorOf(request: number): string {
  const visitor = Math.floor(request / PAGES);
  if (visitor % 2 === 0) return `2001:218::${(visitor + 1).toString(16)}`;
  return `10.1.${visitor >> 8}.${visitor & 255}`;
}

/** The path of a request. */
export function pathOf(request: number): string {
  return `/${PAGE_NAMES[request % PAGES]}`;
}

/** Makes one. */
export function createLoad(): Load {
  let sent = 0;
  let answers = 0;
  const waiting = new Set<{ readonly count: number; resolve(): void }>();
  const answered = (status: number) => {
    if (status !== 200) throw new Error(`A request was answered with ${status}`);
    answers++;
    for (const each of waiting) if (answers >= each.count) each.resolve();
  };
  return {
    get sent() {
      return sent;
    },
    async send(count, port) {
      const end = sent + count;
      const session = connect(`http://127.0.0.1:${port}`);
      session.setMaxListeners(AT_ONCE);
      const askNext = async (way: (asked: Asked) => Promise<number>) => {
        while (sent < end) {
          const number = sent++;
          answered(await way({ port, path: pathOf(number), visitor: visitorOf(number) }));
        }
      };
      const overHttp2 = (asked: Asked) => askHttp2(session, asked);
      const ways = Array.from({ length: AT_ONCE }, (_, at) => askNext(at % 2 === 0 ? askHttp1 : overHttp2));
      await Promise.all(ways).finally(() => session.destroy());
    },
    answered(count) {
      if (answers >= count) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.add({ count, resolve });
      return promise;
    },
  };
}

interface Asked {
  readonly port: number;
  readonly path: string;
  readonly visitor: string;
}

/** Bun's own client keeps its connections. */
async function askHttp1({ port, path, visitor }: Asked): Promise<number> {
  const headers = { "X-Forwarded-For": visitor };
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
  await answer.arrayBuffer();
  return answer.status;
}

function askHttp2(session: ClientHttp2Session, { path, visitor }: Asked): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const stream = session.request({ ":path": path, "x-forwarded-for": visitor });
  let status = 0;
  stream.on("response", (fields) => {
    status = Number(fields[":status"]);
  });
  stream.on("error", reject);
  stream.on("close", () => resolve(status));
  stream.resume().end();
  return promise;
}
