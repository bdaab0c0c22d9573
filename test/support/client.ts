/** A client that sends exactly what a test says, over HTTP/1.1 and cleartext HTTP/2, and hides nothing of the answer. */

import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";

/** The protocols everything is tried over. */
export const PROTOCOLS = ["HTTP/1.1", "HTTP/2"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** One request. */
export interface Ask {
  readonly protocol?: Protocol;
  readonly method?: string;
  /** Sent as it is: nothing is normalised or encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One answer. */
export interface Answer {
  readonly status: number;
  /** By lower-case name; several of one name are joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly text: string;
  /** False where the body ended before its announced end. */
  readonly isComplete: boolean;
}

/** Asks and waits for the whole answer. Rejects where there is none. */
export function ask(port: number, request: Ask): Promise<Answer> {
  return request.protocol === "HTTP/2" ? askHttp2(port, request) : askHttp1(port, request);
}

/** Sends text as it is over a connection of its own and gathers what comes until the other end closes. */
export async function sendRaw(port: number, text: string | Uint8Array): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  const socket = connect(port, "127.0.0.1", () => socket.write(text));
  socket.on("data", (chunk) => chunks.push(Buffer.from(chunk)));
  socket.on("close", () => resolve(Buffer.concat(chunks)));
  socket.on("error", reject);
  return promise;
}

async function askHttp1(port: number, { method = "GET", path, headers = {} }: Ask): Promise<Answer> {
  const all: Record<string, string> = { Host: `127.0.0.1:${port}`, Connection: "close", ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const raw = await sendRaw(port, `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  return parseAnswer(raw, method === "HEAD");
}

/** Reads the one answer that `raw` holds. */
export function parseAnswer(raw: Buffer, isHead = false): Answer {
  const headEnd = raw.indexOf("\r\n\r\n");
  if (headEnd < 0) throw new Error(`No answer, only ${JSON.stringify(raw.toString("latin1"))}`);
  const [statusLine = "", ...lines] = raw.subarray(0, headEnd).toString("latin1").split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]);
  const headers = headersOf(
    lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const rest = raw.subarray(headEnd + 4);
  const hasNoBody = isHead || status === 204 || status === 304;
  if (headers["transfer-encoding"] === "chunked" && !hasNoBody) {
    const { body, isComplete } = dechunk(rest);
    return { status, headers, body, text: body.toString(), isComplete };
  }
  const length = hasNoBody ? 0 : Number(headers["content-length"] ?? rest.length);
  return { status, headers, body: rest, text: rest.toString(), isComplete: rest.length === length };
}

function dechunk(raw: Buffer): { body: Buffer; isComplete: boolean } {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = raw.indexOf("\r\n", at);
    if (lineEnd < 0) return { body: Buffer.concat(chunks), isComplete: false };
    const size = Number.parseInt(raw.subarray(at, lineEnd).toString("latin1"), 16);
    if (size === 0) return { body: Buffer.concat(chunks), isComplete: true };
    chunks.push(raw.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
    if (at > raw.length) return { body: Buffer.concat(chunks), isComplete: false };
  }
}

function askHttp2(port: number, { method = "GET", path, headers = {} }: Ask): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", reject);
  const { Host: authority, ...others } = { Host: `127.0.0.1:${port}`, ...headers };
  const stream = session.request({ ":method": method, ":path": path, ":authority": authority, ...others });
  const chunks: Buffer[] = [];
  let status = 0;
  let received: Record<string, string> = {};
  stream.on("response", (fields) => {
    status = Number(fields[":status"]);
    received = headersOf(
      Object.entries(fields)
        .filter(([name]) => !name.startsWith(":"))
        .map(([name, value]) => [name, String(value)]),
    );
  });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  let failure: Error | undefined;
  stream.on("error", (error) => {
    failure = error;
  });
  stream.on("close", () => {
    session.close();
    if (status === 0) return reject(failure ?? new Error("The stream was closed without an answer"));
    const body = Buffer.concat(chunks);
    resolve({
      status,
      headers: received,
      body,
      text: body.toString(),
      isComplete: failure === undefined && stream.rstCode === 0,
    });
  });
  stream.end();
  return promise;
}

function headersOf(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of pairs) {
    const lower = name.toLowerCase();
    const before = headers[lower];
    headers[lower] = before === undefined ? value : `${before}, ${value}`;
  }
  return headers;
}
