/** The client of `client.ts` over TLS, which also tells what the handshake came to. */

import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, type SecureVersion, type TLSSocket } from "node:tls";
import { type Answer, type Ask, askOver, type Protocol, parseAnswer, requestText } from "./client.ts";

const ALPN: Readonly<Record<Protocol, string>> = { "HTTP/1.1": "http/1.1", "HTTP/2": "h2" };

/** What a handshake came to. */
export interface Handshake {
  /** `TLSv1.3` and the like. */
  readonly version: string;
  /** The protocol that was agreed on; false where none was. */
  readonly alpn: string | false;
  /** The name in the server's certificate. */
  readonly name: string;
}

/** Asks over a TLS connection of its own and waits for the whole answer. The certificate is looked at by whoever calls. */
export async function askTls(port: number, request: Ask): Promise<Answer & Handshake> {
  const { protocol = "HTTP/1.1" } = request;
  const socket = await connectTls(port, { alpn: [ALPN[protocol]] });
  const handshake = handshakeOf(socket);
  const answer =
    protocol === "HTTP/2"
      ? await askOver(sessionOver(socket, port), port, request)
      : await askHttp1(socket, port, request);
  return { ...answer, ...handshake };
}

/** Connects; rejects where the handshake fails. */
export function connectTls(
  port: number,
  options: { readonly alpn?: readonly string[]; readonly version?: SecureVersion } = {},
): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const versions =
    options.version === undefined ? {} : { minVersion: options.version, maxVersion: options.version };
  const socket = connect(
    {
      host: "127.0.0.1",
      port,
      rejectUnauthorized: false,
      ALPNProtocols: [...(options.alpn ?? [])],
      ...versions,
    },
    () => resolve(socket),
  );
  socket.on("error", reject);
  return promise;
}

/** What the handshake of a connection came to. */
export function handshakeOf(socket: TLSSocket): Handshake {
  const { CN: name } = socket.getPeerCertificate().subject;
  return { version: String(socket.getProtocol()), alpn: socket.alpnProtocol ?? false, name: String(name) };
}

/** An HTTP/2 connection over a TLS connection. */
export function sessionOver(socket: TLSSocket, port: number): ClientHttp2Session {
  return connectHttp2(`https://127.0.0.1:${port}`, { createConnection: () => socket });
}

function askHttp1(socket: TLSSocket, port: number, request: Ask): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", reject);
  socket.on("close", () => {
    try {
      resolve(parseAnswer(Buffer.concat(chunks), request.method === "HEAD"));
    } catch (error) {
      reject(error);
    }
  });
  socket.write(requestText(port, request));
  return promise;
}
