/** The listener: HTTP/1.1 and cleartext HTTP/2 on one port. */

import type { Log } from "../log/log.ts";
import { errorResponse } from "./errors.ts";
import type { Handler } from "./handler.ts";

/** A connection on which nothing moves is closed after this long, in seconds; where S3 may be silent for longer, after that. */
const IDLE_SECONDS = 60;
/** The same while an answer's head is waited for, which may take several tries; the longest Bun allows. */
const IDLE_WHILE_WAITING_SECONDS = 255;
/** How much later than S3's own deadline a client's is, in seconds: an answer that S3 has stopped sending is ended for that reason. */
const IDLE_MARGIN_SECONDS = 5;
/** The largest body that is ever read is a notification from SQS, which may have 256 KiB; a larger one is refused. In bytes. */
const REQUEST_BODY_BYTES = 512 * 1024;
/** All interfaces, IPv6 and IPv4. */
const ANY_ADDRESS = "::";
const ANY_IPV4_ADDRESS = "0.0.0.0";

/** Where and how to listen. */
export interface ListenOptions {
  /** Absent for all interfaces. */
  readonly host: string | undefined;
  /** 0 for any free port. */
  readonly port: number;
  /** True where several listeners share the port. */
  readonly isShared: boolean;
  /** How long S3 may be silent in the middle of an answer, in seconds. */
  readonly originTimeoutSeconds: number;
}

/** A listener that runs. */
export interface Listener {
  readonly port: number;
  /** Takes no more connections; resolves when what is in flight has ended, or has been ended after `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>;
  /** Closes the connections on which nothing is asked; says how many. */
  closeIdle(): number;
}

/**
 * Starts to listen.
 *
 * @throws where the address can't be had
 */
export function listen(options: ListenOptions, handler: Handler, log: Log): Listener {
  const idleSeconds = Math.min(
    Math.max(IDLE_SECONDS, options.originTimeoutSeconds + IDLE_MARGIN_SECONDS),
    IDLE_WHILE_WAITING_SECONDS,
  );
  const waiting = (request: Request, answer: Promise<Response>) => {
    server.timeout(request, IDLE_WHILE_WAITING_SECONDS);
    return answer.finally(() => server.timeout(request, idleSeconds));
  };
  const serve = (hostname: string) =>
    Bun.serve({
      hostname,
      port: options.port,
      reusePort: options.isShared,
      http2: true,
      development: false,
      idleTimeout: idleSeconds,
      maxRequestBodySize: REQUEST_BODY_BYTES,
      fetch: (request) => handler.answer(request, waiting),
      error(error) {
        const recovered = handler.recover(error);
        if (recovered !== undefined) return recovered;
        log.critical("An answer failed", { reason: error.message, at: firstFrame(error) });
        return errorResponse("internal", false);
      },
    });
  const server = orInUse(options, () =>
    options.host === undefined ? onAnyAddress(serve) : serve(options.host),
  );
  return {
    port: server.port ?? options.port,
    async stop(deadlineMs) {
      const { promise: deadline, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(() => {
        log.warn("Requests in flight were ended", { count: server.pendingRequests });
        server.stop(true).then(resolve, resolve);
      }, deadlineMs);
      await Promise.race([server.stop(), deadline]);
      clearTimeout(timer);
    },
    closeIdle: () => server.closeIdleConnections(),
  };
}

/** What `bind` gives; an address that is taken becomes an error that says which. */
export function orInUse<Bound>({ host, port }: ListenOptions, bind: () => Bound): Bound {
  try {
    return bind();
  } catch (error) {
    if ((error as { code?: unknown }).code !== "EADDRINUSE") throw error;
    throw new Error(`Port ${port} on ${host ?? "all interfaces"} is in use, wanted a free one for --port`);
  }
}

/** The address that takes both protocols, or IPv4 alone where the machine has no IPv6. */
function onAnyAddress<Server>(serve: (hostname: string) => Server): Server {
  try {
    return serve(ANY_ADDRESS);
  } catch (error) {
    if ((error as { code?: unknown }).code === "EADDRINUSE") throw error;
    return serve(ANY_IPV4_ADDRESS);
  }
}

function firstFrame(error: Error): string | undefined {
  return error.stack
    ?.split("\n")
    .find((line) => line.trimStart().startsWith("at "))
    ?.trim();
}
