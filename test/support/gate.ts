import { connect, type Socket } from "node:net";
import { createHold, type Hold, type HoldControl } from "./hold.ts";
import {
  answerFraming,
  closed,
  type MessageHead,
  readHead,
  readSocket,
  requestFraming,
  type SocketReader,
  wireBody,
  writeAll,
} from "./http-wire.ts";
import { decodeS3 } from "./memory-s3-request.ts";
import { firstValue } from "./pairs.ts";
import { startTcpServer } from "./tcp-server.ts";

/** A request that went through a gate. */
export interface GateRequest {
  method: string;
  /** As it was on the wire, bucket included, without the query. */
  rawPath: string;
  /** As it was on the wire, with its question mark; empty without one. */
  rawQuery: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** Undefined until the head of the answer has come, and for good when none comes. */
  status: number | undefined;
}

/** A relay before an S3 that changes no byte (the Host header too, which signatures cover) and counts. */
export interface Gate {
  readonly endpoint: string;
  readonly requests: readonly GateRequest[];
  /** Counts by raw path, by key in plain text, or all with `"*"`. */
  countOf(rawPathOrKey: string): number;
  /** The requests of that raw path or key, in the order of their arrival. */
  requestsOf(rawPathOrKey: string): readonly GateRequest[];
  /** Holds requests of that raw path or key (`"*"`: all) before they are sent on, until it is released. */
  hold(rawPathOrKey: string): Hold;
  /** With true drops every connection and refuses new ones; with false listens again on the same port. */
  refuse(on: boolean): Promise<void>;
  /** Forgets the requests. */
  reset(): void;
  stop(): Promise<void>;
}

interface Relay {
  client: Socket;
  reader: SocketReader;
  /** Resolves when the connection of the client is closed. */
  gone: Promise<void>;
  /** The connection to the target of the request that is under way. */
  upstream: Socket | null;
}

interface HeldPath {
  rawPathOrKey: string;
  hold: HoldControl;
}

/** What is done for each request before it is sent on; false when its client went away. */
type Admit = (request: GateRequest, gone: Promise<void>) => Promise<boolean>;

interface Target {
  host: string;
  port: number;
}

/** Starts a relay on a free port of 127.0.0.1; `target` is an endpoint such as `http://127.0.0.1:9000`. */
export async function startGate(target: string): Promise<Gate> {
  const { hostname, port } = new URL(target);
  const requests: GateRequest[] = [];
  const held = new Set<HeldPath>();

  const requestsOf = (rawPathOrKey: string) => requests.filter((request) => isOf(request, rawPathOrKey));

  async function admit(request: GateRequest, gone: Promise<void>): Promise<boolean> {
    requests.push(request);
    for (const { rawPathOrKey, hold } of held) {
      if (isOf(request, rawPathOrKey)) return hold.pass(gone);
    }
    return true;
  }

  async function serve(client: Socket): Promise<void> {
    const relay: Relay = { client, reader: readSocket(client), gone: closed(client), upstream: null };
    void relay.gone.then(() => relay.upstream?.destroy());
    let isKept = true;
    while (isKept) isKept = await relayRequest(relay, { host: hostname, port: Number(port) }, admit);
    client.end();
  }

  const server = await startTcpServer(serve);
  return {
    endpoint: `http://127.0.0.1:${server.port}`,
    requests,
    countOf: (rawPathOrKey) => requestsOf(rawPathOrKey).length,
    requestsOf,
    hold(rawPathOrKey) {
      const entry: HeldPath = { rawPathOrKey, hold: createHold(() => held.delete(entry)) };
      held.add(entry);
      return entry.hold;
    },
    refuse: (on) => (on ? server.close() : server.open()),
    reset() {
      requests.length = 0;
    },
    stop: () => server.close(),
  };
}

/** Relays one request and its answer; resolves to whether another may follow on the connection. */
async function relayRequest(relay: Relay, target: Target, admit: Admit): Promise<boolean> {
  const head = await readHead(relay.reader);
  if (head === null) return false;
  const request = requestOf(head);
  if (!(await admit(request, relay.gone))) return false;

  // Each request gets its own connection: one kept open could be closed by the server just as it is used.
  const upstream = await open(target);
  if (upstream === null || relay.client.destroyed) {
    upstream?.destroy();
    return false;
  }
  relay.upstream = upstream;
  const [isRequestSent, isAnswerSent] = await Promise.all([
    sendMessage(upstream, head, wireBody(relay.reader, requestFraming(head.headers))),
    relayAnswer(relay.client, readSocket(upstream), request),
  ]);
  upstream.destroy();
  return isRequestSent && isAnswerSent;
}

async function relayAnswer(client: Socket, upstream: SocketReader, request: GateRequest): Promise<boolean> {
  const head = await readHead(upstream);
  if (head === null) return false;
  const status = Number(head.firstLine[1]);
  if (status >= 100 && status < 200) {
    await writeAll(client, head.raw);
    return relayAnswer(client, upstream, request);
  }
  request.status = status;
  const framing = answerFraming(request.method, status, head.headers);
  const isWhole = await sendMessage(client, head, wireBody(upstream, framing));
  const isClosing = firstValue(head.headers, "connection")?.toLowerCase() === "close";
  return isWhole && !isClosing && framing.kind !== "untilClose";
}

/** Sends a head as it came, and a body after it; false when either connection ended before the message. */
async function sendMessage(
  to: Socket,
  head: MessageHead,
  body: AsyncGenerator<Buffer, boolean>,
): Promise<boolean> {
  if (!(await writeAll(to, head.raw))) return false;
  for (;;) {
    const step = await body.next();
    if (step.done) return step.value;
    if (!(await writeAll(to, step.value))) return false;
  }
}

function requestOf(head: MessageHead): GateRequest {
  const [method, target] = head.firstLine;
  const queryStart = target.indexOf("?");
  const rawPath = queryStart < 0 ? target : target.slice(0, queryStart);
  const headers = Object.fromEntries(head.headers.map(([name, value]) => [name.toLowerCase(), value]));
  return { method, rawPath, rawQuery: target.slice(rawPath.length), headers, status: undefined };
}

function isOf(request: GateRequest, rawPathOrKey: string): boolean {
  if (rawPathOrKey === "*" || rawPathOrKey === request.rawPath) return true;
  const [, , ...key] = (decodeS3(request.rawPath) ?? "").split("/");
  return key.length > 0 && key.join("/") === rawPathOrKey;
}

function open(target: Target): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect(target, () => resolve(socket));
    socket.setNoDelay(true);
    socket.on("error", () => resolve(null));
  });
}
