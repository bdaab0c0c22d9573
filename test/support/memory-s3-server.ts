import type { Socket } from "node:net";
import {
  closed,
  type MessageHead,
  readHead,
  readSocket,
  requestFraming,
  type SocketReader,
  wireBody,
} from "./http-wire.ts";
import { type Bucket, decideAnswer, type S3Answer } from "./memory-s3-answer.ts";
import { type DeliveryEnd, deliver } from "./memory-s3-delivery.ts";
import type { RecordedRequest, RequestLog } from "./memory-s3-log.ts";
import type { Programs } from "./memory-s3-programs.ts";
import { parseS3Request, type S3Request } from "./memory-s3-request.ts";
import { firstValue } from "./pairs.ts";
import { failureOf } from "./s3-errors.ts";
import type { SignatureRules } from "./sigv4-verify.ts";

/** Everything a server answers from. */
export interface ServerState {
  bucket: Bucket;
  /** Who may sign, without the time. */
  account: Omit<SignatureRules, "nowMs">;
  clockOffsetMs: number;
  programs: Programs;
  log: RequestLog;
}

interface Connection {
  socket: Socket;
  reader: SocketReader;
  /** Resolves when the connection is closed. */
  gone: Promise<void>;
  id: number;
}

/** Makes the function that serves the requests of one connection, one after the other. */
export function createConnectionServer(state: ServerState): (socket: Socket) => Promise<void> {
  let connectionCount = 0;
  return async (socket) => {
    connectionCount += 1;
    const connection = { socket, reader: readSocket(socket), gone: closed(socket), id: connectionCount };
    let isKept = true;
    while (isKept) isKept = await serveNextRequest(connection, state);
    socket.end();
  };
}

/** Resolves to whether another request may follow on the connection. */
async function serveNextRequest(connection: Connection, state: ServerState): Promise<boolean> {
  const head = await readHead(connection.reader);
  if (head === null) return false;
  const body = await collectBody(connection.reader, head);
  if (body === null) return false;
  const request = parseS3Request(head);
  const entry = state.log.open(request, head, connection.id);
  const end = await answerRequest(request, body, entry, connection, state);
  state.log.close(entry, end);
  return end === "answered" && isKeptAlive(head);
}

async function answerRequest(
  request: S3Request | undefined,
  body: Uint8Array,
  entry: RecordedRequest,
  connection: Connection,
  state: ServerState,
): Promise<DeliveryEnd> {
  const { socket, gone } = connection;
  const { method, key } = entry;
  const held = state.programs.take("hold", key);
  if (held !== undefined && !(await held.hold.pass(gone))) return "aborted";
  if (state.programs.take("closeBeforeHeaders", key) !== undefined) return "closed";

  const nowMs = Date.now() + state.clockOffsetMs;
  const answer =
    scriptedAnswer(key, state.programs) ??
    (request === undefined
      ? ({ kind: "failure", failure: failureOf("InvalidURI", { URI: entry.rawPath }) } as const)
      : decideAnswer(request, body, state.bucket, { ...state.account, nowMs }));
  entry.status = answer.kind === "plain" ? answer.status : answer.failure.status;
  const onBodyBytes = (bytes: number) => {
    entry.bodyBytesSent += bytes;
  };
  return deliver(answer, { socket, gone, method, key, nowMs, onBodyBytes }, state.programs);
}

function scriptedAnswer(key: string, programs: Programs): S3Answer | undefined {
  const scripted = programs.take("answer", key);
  if (scripted !== undefined) return { kind: "plain", ...scripted };
  const failing = programs.take("fail", key);
  return failing && { kind: "failure", failure: failing.failure };
}

async function collectBody(reader: SocketReader, head: MessageHead): Promise<Uint8Array | null> {
  const pieces: Buffer[] = [];
  const body = wireBody(reader, requestFraming(head.headers));
  for (;;) {
    const step = await body.next();
    if (step.done) return step.value ? Buffer.concat(pieces) : null;
    pieces.push(step.value);
  }
}

function isKeptAlive(head: MessageHead): boolean {
  const [, , version] = head.firstLine;
  return version === "HTTP/1.1" && firstValue(head.headers, "connection")?.toLowerCase() !== "close";
}
