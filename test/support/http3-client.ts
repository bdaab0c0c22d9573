/** The client of `client.ts` over HTTP/3, which only Bun's own speaks here: it normalises paths, and keeps its connection. */

import { headersOf } from "./body-reader.ts";
import type { Answer, Ask } from "./client.ts";

/** Asks over HTTP/3; what Bun's client is to do else is `more`. The certificate isn't looked at. */
export function fetchHttp3(port: number, path: string, more: RequestInit = {}): Promise<Response> {
  const options: BunFetchRequestInit = { ...more, protocol: "http3", tls: { rejectUnauthorized: false } };
  return fetch(`https://127.0.0.1:${port}${path}`, options);
}

/** Asks and waits for the whole answer, as it is on the wire. Rejects where there is none. */
export async function askHttp3(port: number, { method = "GET", path, headers = {} }: Ask): Promise<Answer> {
  const more: BunFetchRequestInit = { method, headers, redirect: "manual", decompress: false };
  const answer = await fetchHttp3(port, path, more);
  const body = Buffer.from(await answer.arrayBuffer());
  const pairs = [...answer.headers];
  return { status: answer.status, headers: headersOf(pairs), body, text: body.toString(), isComplete: true };
}
