/**
 * The body of an answer from what is stored. As a rule the way that costs the least time; where many answers wait for their clients, one
 * that holds little memory for each of them (docs/decisions/010-slow-clients.md).
 */

import { closeSync, fstatSync, openSync, read, statSync } from "node:fs";
import { promisify } from "node:util";
import type { ObjectEntry } from "../keeper/protocol.ts";
import { type CountedStream, Handover } from "./handed-over.ts";

/**
 * With so many requests of an edge under way it is crowded. As many as one HTTP/2 connection may have; for each of them Bun may hold
 * 64 KiB of a body in memory, or 256 KiB of a file.
 */
export const CROWDED_REQUESTS = 256;
/**
 * With more than so many an edge is too busy for others. More than `--max-connections` by default; of a file they cost some 450 MiB,
 * of what is in memory a seventh of that.
 */
export const MOST_REQUESTS = 16_384;
/** A stream hands over so many bytes at once. As much, and what Bun's socket holds, is what a client that pauses costs. */
export const PIECE_BYTES = 64 * 1024;
/** The same in a crowd. */
const CROWDED_PIECE_BYTES = 16 * 1024;

/** Gives a run of an entry's bytes, both ends included, as a response's body; undefined where they can't be had. */
export type BodySource = (
  entry: ObjectEntry,
  first: number,
  last: number,
) => Uint8Array<SharedArrayBuffer> | Blob | CountedStream | undefined;

/** How the answer to a request gets its body while so many are under way. */
export function bodySourceFor(request: Request, requests: number): BodySource {
  if (requests < CROWDED_REQUESTS) return storedBody;
  return isHttp1(request) ? sharedBody : pulledBody;
}

/** How many bytes a stream hands over at once while so many requests are under way. */
export function pieceBytesFor(requests: number): number {
  return requests < CROWDED_REQUESTS ? PIECE_BYTES : CROWDED_PIECE_BYTES;
}

/** True for what can't be HTTP/2, which doesn't allow this header (RFC 9113 section 8.2.2). Not every client of HTTP/1.1 sends it. */
function isHttp1({ headers }: Request): boolean {
  return headers.has("connection");
}

/** What costs the least time: Bun copies of memory what the socket doesn't take at once, and over HTTP/2 reads far ahead in a file. */
export function storedBody({ content: { body, bodyBytes } }: ObjectEntry, first: number, last: number) {
  if (body.kind === "memory")
    return last - first + 1 === bodyBytes ? body.bytes : body.bytes.subarray(first, last + 1);
  if (body.kind === "growing") return undefined;
  return isThere(body.path, bodyBytes) ? Bun.file(body.path).slice(first, last + 1) : undefined;
}

/**
 * Bun opens a file only while it answers, and answers an error by then; so look first. A file is never changed once it has
 * its name, only deleted; it is longer than the body by its trailer.
 */
function isThere(path: string, bodyBytes: number): boolean {
  try {
    return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > bodyBytes;
  } catch {
    return false;
  }
}

/** By the bytes, the one copy of them that all of a crowd are sent from: of a `Blob` Bun makes none for each answer. */
const copies = new WeakMap<Uint8Array, Blob>();

/** The least memory over HTTP/1.1, where a file is sent by the system and what is in memory from one copy. */
function sharedBody(entry: ObjectEntry, first: number, last: number) {
  const { body } = entry.content;
  if (body.kind !== "memory") return storedBody(entry, first, last);
  let copy = copies.get(body.bytes);
  if (copy === undefined) {
    copy = new Blob([body.bytes]);
    copies.set(body.bytes, copy);
  }
  return copy.slice(first, last + 1);
}

/** The least memory over HTTP/2. Of a file that is a stream, which has no Content-Length. */
function pulledBody(entry: ObjectEntry, first: number, last: number) {
  const isFile = entry.content.body.kind === "file";
  return isFile && last - first >= CROWDED_PIECE_BYTES
    ? openedBody(entry, first, last)
    : sharedBody(entry, first, last);
}

/** From a file that is open already, so that it may be deleted. That is a stream, which has no Content-Length. */
export function openedBody(entry: ObjectEntry, first: number, last: number) {
  const { body, bodyBytes } = entry.content;
  if (body.kind !== "file") return storedBody(entry, first, last);
  const fd = openWhole(body.path, bodyBytes);
  // Where there is no descriptor to be had, Bun may still get one later.
  return fd === undefined ? storedBody(entry, first, last) : pulledFrom(fd, first, last);
}

function openWhole(path: string, bodyBytes: number): number | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, "r");
    if (fstatSync(fd).size > bodyBytes) return fd;
  } catch {
    // As below.
  }
  if (fd !== undefined) closeSync(fd);
  return undefined;
}

const readAt = promisify(read);

/** Reads what the client has room for, and closes the file at the end, however that comes. */
function pulledFrom(fd: number, first: number, last: number): CountedStream {
  const handover = new Handover();
  let position = first;
  let isReading = false;
  const next = async () => {
    const piece = new Uint8Array(Math.min(CROWDED_PIECE_BYTES, last + 1 - position));
    const { bytesRead } = await readAt(fd, piece, 0, piece.length, position);
    if (bytesRead === 0) throw new Error("The file is shorter than it was");
    position += bytesRead;
    return piece.subarray(0, bytesRead);
  };
  const end = () => {
    closeSync(fd);
    handover.end();
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        isReading = true;
        try {
          const piece = await next();
          controller.enqueue(piece);
          handover.add(piece.length);
          isReading = false;
          if (position <= last) return;
          controller.close();
        } catch {
          // Also where the client has left meanwhile: then nothing can be handed over. Without a reason: Bun would print it.
          controller.error(undefined);
        }
        end();
      },
      cancel() {
        if (!isReading) end();
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, handover };
}
