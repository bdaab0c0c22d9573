/** A client that sends exactly what a test says, over HTTP/1.1 and cleartext HTTP/2, and hides nothing of the answer. */

import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { createBodyReader, headersOf } from "./body-reader.ts";

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
  /** What is sent after the head; its length is said. */
  readonly content?: string;
}

/** One answer. */
export interface Answer {
  /** 0 where an HTTP/1.1 connection ended before the head had come. */
  readonly status: number;
  /** By lower-case name; several of one name are joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly text: string;
  /** False where the body ended before its announced end. */
  readonly isComplete: boolean;
}

/** Asks and waits for the whole answer. Over HTTP/2 it rejects where there is none. */
export function ask(port: number, request: Ask): Promise<Answer> {
  return request.protocol === "HTTP/2" ? askHttp2(port, request) : askHttp1(port, request);
}

/** Sends text as it is over a connection of its own and gathers what comes until the other end closes or resets it. */
export async function sendRaw(port: number, text: string | Uint8Array): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  const socket = connect(port, "127.0.0.1", () => socket.write(text));
  socket.on("data", (chunk) => chunks.push(Buffer.from(chunk)));
  socket.on("close", () => resolve(Buffer.concat(chunks)));
  socket.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "ECONNRESET") resolve(Buffer.concat(chunks));
    else reject(error);
  });
  return promise;
}

async function askHttp1(port: number, request: Ask): Promise<Answer> {
  return readAnswer(await sendRaw(port, requestText(port, request)), request.method === "HEAD");
}

/** An HTTP/1.1 request as it goes over the wire, which asks for the connection to be closed. */
export function requestText(port: number, { method = "GET", path, headers = {}, content }: Ask): string {
  const length = content === undefined ? {} : { "Content-Length": String(Buffer.byteLength(content)) };
  const all: Record<string, string> = {
    Host: `127.0.0.1:${port}`,
    Connection: "close",
    ...length,
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${content ?? ""}`;
}

/** Reads the one answer that `raw` holds; throws where there is none. */
export function parseAnswer(raw: Buffer, isHead = false): Answer {
  const answer = readAnswer(raw, isHead);
  if (answer.status === 0) throw new Error(`No answer, only ${JSON.stringify(raw.toString("latin1"))}`);
  return answer;
}

function readAnswer(raw: Buffer, isHead: boolean): Answer {
  let head: Pick<Answer, "status" | "headers"> = { status: 0, headers: {} };
  const pieces: Uint8Array[] = [];
  const reader = createBodyReader(isHead, {
    begin(it) {
      head = it;
    },
    add: (piece) => pieces.push(piece),
  });
  reader.add(raw);
  const body = Buffer.concat([...pieces, reader.surplus()]);
  return { ...head, body, text: body.toString(), isComplete: reader.isComplete() };
}

function askHttp2(port: number, request: Ask): Promise<Answer> {
  return askOver(connectHttp2(`http://127.0.0.1:${port}`), port, request);
}

/** Asks over an HTTP/2 connection, which is closed then. */
export function askOver(
  session: ClientHttp2Session,
  port: number,
  { method = "GET", path, headers = {}, content }: Ask,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
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
  stream.end(content);
  return promise;
}
