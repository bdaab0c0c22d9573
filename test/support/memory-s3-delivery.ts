import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { writeAll } from "./http-wire.ts";
import type { S3Answer } from "./memory-s3-answer.ts";
import type { ObjectBody } from "./memory-s3-objects.ts";
import type { Programs } from "./memory-s3-programs.ts";
import type { Pair } from "./pairs.ts";
import { failureXml, HOST_ID } from "./s3-errors.ts";

/** One answer on its way to one client. */
export interface Delivery {
  socket: Socket;
  /** Resolves when the client closed the connection. */
  gone: Promise<void>;
  method: string;
  /** The key that programs are looked up with. */
  key: string;
  /** The time that the Date header tells. */
  nowMs: number;
  /** Is told of every byte of the body that was sent. */
  onBodyBytes: (bytes: number) => void;
}

/** How a delivery ended: completely, by the client, or by a program of the server. */
export type DeliveryEnd = "answered" | "aborted" | "closed";

const PIECE_BYTES = 64 * 1024;
const DRIPS_PER_SECOND = 20;

/** Writes an answer, with the programs for bodies (held, cut, dripped) applied to it. */
export async function deliver(
  answer: S3Answer,
  delivery: Delivery,
  programs: Programs,
): Promise<DeliveryEnd> {
  const requestId = crypto.randomUUID().replaceAll("-", "").slice(0, 16).toUpperCase();
  const headers: Pair[] = [
    ["x-amz-id-2", HOST_ID],
    ["x-amz-request-id", requestId],
    ["Date", new Date(delivery.nowMs).toUTCString()],
  ];
  if (answer.kind === "plain") return deliverPlain(answer, headers, delivery, programs);
  const { failure } = answer;
  const region = failure.details.Region;
  if (region !== undefined) headers.push(["x-amz-bucket-region", region]);
  headers.push(["Content-Type", "application/xml"], ["Transfer-Encoding", "chunked"], ["Server", "AmazonS3"]);
  const xml = new TextEncoder().encode(failureXml(failure, requestId));
  const hasBody = delivery.method !== "HEAD" && mayHaveBody(failure.status);
  const chunks = hasBody
    ? [headText(failure.status, headers), `${xml.length.toString(16)}\r\n`, xml, "\r\n0\r\n\r\n"]
    : [headText(failure.status, headers)];
  const isSent = await writeAll(delivery.socket, Buffer.concat(chunks.map((chunk) => Buffer.from(chunk))));
  return isSent ? "answered" : "aborted";
}

async function deliverPlain(
  answer: Extract<S3Answer, { kind: "plain" }>,
  ownHeaders: Pair[],
  delivery: Delivery,
  programs: Programs,
): Promise<DeliveryEnd> {
  const headers = [...ownHeaders, ...answer.headers];
  const isLengthGiven = answer.headers.some(([name]) => name.toLowerCase() === "content-length");
  if (mayHaveBody(answer.status) && !isLengthGiven) {
    headers.push(["Content-Length", String(answer.body.length)]);
  }
  headers.push(["Server", "AmazonS3"]);
  if (!(await writeAll(delivery.socket, headText(answer.status, headers)))) return "aborted";
  if (delivery.method === "HEAD" || !mayHaveBody(answer.status) || answer.body.length === 0) {
    return "answered";
  }
  return deliverBody(answer.body, delivery, programs);
}

async function deliverBody(body: ObjectBody, delivery: Delivery, programs: Programs): Promise<DeliveryEnd> {
  const cut = programs.take("cut", delivery.key);
  const held = programs.take("holdBody", delivery.key);
  const drip = programs.take("drip", delivery.key);
  const end = Math.min(cut?.afterBytes ?? body.length, body.length);
  const holdAt = Math.min(held?.afterBytes ?? end, end);
  const send = (bytes: ObjectBody) =>
    drip === undefined ? sendPieces(bytes, delivery) : sendDrips(bytes, drip.bytesPerSecond, delivery);

  if (!(await send(body.subarray(0, holdAt)))) return "aborted";
  if (held !== undefined && !(await held.hold.pass(delivery.gone))) return "aborted";
  if (!(await send(body.subarray(holdAt, end)))) return "aborted";
  return cut === undefined ? "answered" : "closed";
}

async function sendPieces(body: ObjectBody, delivery: Delivery): Promise<boolean> {
  for (let offset = 0; offset < body.length; offset += PIECE_BYTES) {
    const piece = bytesOf(body.subarray(offset, Math.min(offset + PIECE_BYTES, body.length)));
    if (!(await writeAll(delivery.socket, piece))) return false;
    delivery.onBodyBytes(piece.length);
  }
  return true;
}

async function sendDrips(body: ObjectBody, bytesPerSecond: number, delivery: Delivery): Promise<boolean> {
  const dripBytes = Math.max(1, Math.floor(bytesPerSecond / DRIPS_PER_SECOND));
  for (let offset = 0; offset < body.length; offset += dripBytes) {
    const piece = body.subarray(offset, Math.min(offset + dripBytes, body.length));
    await Promise.race([Bun.sleep((1000 * piece.length) / bytesPerSecond), delivery.gone]);
    if (!(await sendPieces(piece, delivery))) return false;
  }
  return true;
}

function bytesOf(body: ObjectBody): Uint8Array {
  return body instanceof Uint8Array ? body : body.bytes();
}

function mayHaveBody(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 304;
}

function headText(status: number, headers: readonly Pair[]): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}\r\n${lines.join("")}\r\n`;
}
