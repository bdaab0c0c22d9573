/** The listener: HTTP/1.1 and HTTP/2 on one port, in the clear or over TLS, and HTTP/3 on the UDP port of that number. */

import type { Log } from "../log/log.ts";
import type { Certificate } from "../tls/certificate.ts";
import { type Address, onAnyAddress, orInUse } from "./bind.ts";
import { errorResponse } from "./errors.ts";
import type { Handler, PeerOf, Waiting } from "./handler.ts";

/** A connection on which nothing moves is closed after this long, in seconds; where S3 may be silent for longer, after that. */
const IDLE_SECONDS = 60;
/** The same while an answer's head is waited for, which may take several tries; the longest Bun allows. */
const IDLE_WHILE_WAITING_SECONDS = 255;
/** How much later than S3's own deadline a client's is, in seconds: an answer that S3 has stopped sending is ended for that reason. */
const IDLE_MARGIN_SECONDS = 5;
/** The largest body that is ever read is a notification from SQS, which may have 256 KiB; a larger one is refused. In bytes. */
const REQUEST_BODY_BYTES = 512 * 1024;
/**
 * A server whose certificate was renewed says for this long, in milliseconds, in each answer that its connection ends; a connection that
 * asks less often is closed then while it is idle, which clients of HTTP/1.1 are prepared for (docs/decisions/009-tls-reload.md).
 */
const RETIRE_AFTER_MS = 1_000;
/**
 * When the program stops, a TLS connection over which nothing was asked yet isn't idle to Bun: it may ask for so long, in milliseconds,
 * and doesn't delay the exit any more where nothing else is in flight.
 */
const UNUSED_MS = 1_000;

/** Where and how to listen. */
export interface ListenOptions extends Address {
  /** True where several listeners share the port. */
  readonly isShared: boolean;
  /** How long S3 may be silent in the middle of an answer, in seconds. */
  readonly originTimeoutSeconds: number;
  /** Absent for cleartext. */
  readonly tls: TlsOptions | undefined;
}

/** How to listen with TLS. The port has to be a shared one: a renewed certificate needs a second listener there. */
export interface TlsOptions {
  readonly certificate: Certificate;
  readonly hasHttp3: boolean;
}

/** A listener whose certificate can be renewed. */
export interface RenewableListener extends Listener {
  /** Serves new connections with this one; what is in flight ends with the one before. Does nothing in cleartext. */
  renew(certificate: Certificate): void;
  /** Whether each answer ends its connection from now on, for another program takes this one's place. */
  setRetiring(isRetiring: boolean): void;
  /** Closes the connections on which nothing is asked; says how many. */
  closeIdle(): number;
  /** How many requests aren't answered to the end. */
  requestsUnderWay(): number;
}

/** A listener that runs. */
export interface Listener {
  readonly port: number;
  /** Takes no more connections; resolves when what is in flight has ended, or has been ended after `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>;
}

/** What a listener wants of a handler. */
type Answering = Pick<Handler, "answer" | "recover">;

type Server = Bun.Server<undefined>;

/**
 * Starts to listen.
 *
 * @throws where the address can't be had
 */
export function listen(options: ListenOptions, handler: Answering, log: Log): RenewableListener {
  let current = serve(options, handler, log);
  const port = current.port ?? options.port;
  const retiring = new Set<Server>();
  return {
    port,
    renew(certificate) {
      if (options.tls === undefined) return;
      const previous = current;
      try {
        current = serve({ ...options, port, tls: { ...options.tls, certificate } }, handler, log);
      } catch (error) {
        log.critical("Can't serve with the new certificate", { reason: (error as Error).message });
        return;
      }
      retiring.add(previous);
      void retire(previous, options, handler, log).then(() => retiring.delete(previous));
    },
    async stop(deadlineMs) {
      await Promise.all([current, ...retiring].map((server) => stopServer(server, deadlineMs, log)));
    },
    setRetiring(isRetiring) {
      current.reload(answersOf(() => current, options, handler, log, isRetiring));
    },
    closeIdle: () => current.closeIdleConnections(),
    requestsUnderWay() {
      let count = current.pendingRequests;
      // Asked of every request, and as a rule there is one server.
      if (retiring.size === 0) return count;
      for (const { pendingRequests } of retiring) count += pendingRequests;
      return count;
    },
  };
}

function serve(options: ListenOptions, handler: Answering, log: Log): Server {
  const { host, port, isShared, tls } = options;
  const bind = (hostname: string): Server =>
    Bun.serve({
      hostname,
      port,
      reusePort: isShared,
      http2: true,
      ...(tls === undefined ? {} : tlsSettings(tls)),
      development: false,
      idleTimeout: idleSecondsOf(options),
      maxRequestBodySize: REQUEST_BODY_BYTES,
      ...answersOf(() => server, options, handler, log, false),
    });
  const server = orInUse(options, () => (host === undefined ? onAnyAddress(bind) : bind(host)));
  return server;
}

/** How a server answers; one that is retiring ends each connection over HTTP/1.1 with an answer. */
function answersOf(
  serverOf: () => Server,
  options: ListenOptions,
  handler: Answering,
  log: Log,
  isRetiring: boolean,
) {
  const waiting = keepOpenFor(serverOf, options);
  const peerOf = peersOf(serverOf);
  const answer = (request: Request) => handler.answer(request, waiting, peerOf);
  const answerLast = async (request: Request) => {
    const response = await answer(request);
    response.headers.set("connection", "close");
    return response;
  };
  const error = (failure: Error) => answerFailed(failure, handler, log);
  return { fetch: isRetiring ? answerLast : answer, error };
}

/** With HTTP/3 Bun says so itself, in the `Alt-Svc` of each answer over TCP. */
function tlsSettings({ certificate, hasHttp3 }: TlsOptions) {
  return { tls: { cert: certificate.chain, key: certificate.privateKey }, http3: hasHttp3 };
}

function answerFailed(error: Error, handler: Answering, log: Log): Response | Promise<Response> {
  const recovered = handler.recover(error);
  if (recovered !== undefined) return recovered;
  log.critical("An answer failed", { reason: error.message, at: firstFrame(error) });
  return errorResponse("internal", false);
}

function idleSecondsOf({ originTimeoutSeconds }: ListenOptions): number {
  return Math.min(
    Math.max(IDLE_SECONDS, originTimeoutSeconds + IDLE_MARGIN_SECONDS),
    IDLE_WHILE_WAITING_SECONDS,
  );
}

/** Keeps a connection open while its answer is waited for. */
function keepOpenFor(serverOf: () => Server, options: ListenOptions): Waiting {
  const idleSeconds = idleSecondsOf(options);
  return (request, answer) => {
    const server = serverOf();
    server.timeout(request, IDLE_WHILE_WAITING_SECONDS);
    return answer.finally(() => server.timeout(request, idleSeconds));
  };
}

function peersOf(serverOf: () => Server): PeerOf {
  return (request) => serverOf().requestIP(request)?.address ?? "";
}

/** Ends a server in whose place another one listens. */
async function retire(server: Server, options: ListenOptions, handler: Answering, log: Log): Promise<void> {
  server.reload(answersOf(() => server, options, handler, log, true));
  await Bun.sleep(RETIRE_AFTER_MS);
  await server.stop();
}

async function stopServer(server: Server, deadlineMs: number, log: Log): Promise<void> {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const end = () => {
    // Not waited for: where a handshake was under way at the first stop, Bun's promise takes seconds more.
    server.stop(true).catch(() => {});
    resolve();
  };
  const unused = setInterval(() => {
    if (server.pendingRequests === 0) end();
  }, UNUSED_MS);
  const deadline = setTimeout(() => {
    log.warn("Requests in flight were ended", { count: server.pendingRequests });
    end();
  }, deadlineMs);
  await Promise.race([server.stop(), ended]);
  clearInterval(unused);
  clearTimeout(deadline);
}

function firstFrame(error: Error): string | undefined {
  return error.stack
    ?.split("\n")
    .find((line) => line.trimStart().startsWith("at "))
    ?.trim();
}
