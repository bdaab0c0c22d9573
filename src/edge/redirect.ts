/** The listener in the clear that sends everybody to HTTPS. */

import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type Socket } from "node:net";
import { inUse } from "./bind.ts";
import { errorResponse } from "./errors.ts";
import { hostCheck } from "./host.ts";
import type { Listener, ListenOptions } from "./listen.ts";

/** A connection has this long from its beginning to its end, in milliseconds: all that is wanted is a line and a few headers, for one answer. */
const CONNECTION_MS = 10_000;
/** What chooses the port. */
export const REDIRECT_FLAG = "tls-redirect-port";
const HTTPS_PORT = 443;
/** RFC 9112 section 3.2.2: a proxy's form of the target, which names the host too. */
const ABSOLUTE_FORM = /^http:\/\/([^/?#]+)(.*)$/i;
/** What a valid host may have behind it. */
const PORT = /:\d+$/;

/** Where and how to redirect. */
export interface RedirectOptions extends Pick<ListenOptions, "host" | "port" | "isShared"> {
  /** The port that is redirected to, as visitors know it. */
  readonly httpsPort: number;
}

const isHost = hostCheck();

/**
 * Where a request belongs: the same host, path and query over HTTPS. Undefined where it names no host, a malformed one or two.
 *
 * @param target the request's target as it came
 * @param hosts the values of its Host headers
 */
export function httpsLocation(
  target: string,
  hosts: readonly string[],
  httpsPort: number,
): string | undefined {
  const [host, ...others] = hosts;
  if (host === undefined || others.length > 0 || !isHost(host)) return undefined;
  const [, authority = host, rest = target] = ABSOLUTE_FORM.exec(target) ?? [];
  if (!isHost(authority)) return undefined;
  const path = rest === "" || rest.startsWith("?") ? `/${rest}` : rest;
  if (!path.startsWith("/")) return undefined;
  const port = httpsPort === HTTPS_PORT ? "" : `:${httpsPort}`;
  return `https://${authority.replace(PORT, "")}${port}${path}`;
}

/**
 * Starts to listen. Requests are read by `node:http`, for `Bun.serve` shows a target only after it was normalised; but connections are taken
 * by `node:net`, because a port can be shared only there (docs/decisions/013-takeover.md).
 *
 * @throws where the address can't be had
 */
export async function listenForRedirects(options: RedirectOptions): Promise<Listener> {
  const { host, port, isShared } = options;
  const reader = createHttpServer((request, response) => answer(request, response, options.httpsPort));
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    const deadline = setTimeout(() => socket.destroy(), CONNECTION_MS);
    connections.add(socket);
    socket.once("close", () => {
      clearTimeout(deadline);
      connections.delete(socket);
    });
    // One that breaks is closed then.
    socket.on("error", () => {});
    reader.emit("connection", socket);
  });
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ host, port, reusePort: isShared }, resolve);
  try {
    await listening;
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "EADDRINUSE"
      ? inUse({ host, port, flag: REDIRECT_FLAG })
      : error;
  }
  server.off("error", reject);
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Whoever has sent a whole request has its answer: nothing is in flight.
      for (const socket of connections) socket.destroy();
      return closed;
    },
  };
}

function answer(request: IncomingMessage, response: ServerResponse, httpsPort: number): void {
  const location = httpsLocation(request.url ?? "", request.headersDistinct.host ?? [], httpsPort);
  if (location !== undefined) {
    response.writeHead(308, { location, "content-length": 0, connection: "close" }).end();
    return;
  }
  const refusal = errorResponse("malformed-host", request.method === "HEAD");
  response.writeHead(refusal.status, { ...Object.fromEntries(refusal.headers), connection: "close" });
  void refusal.text().then((page) => response.end(page));
}
