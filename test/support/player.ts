/** A client like a video player: it opens a place, takes as much as it likes and leaves. Each byte is compared as it comes. */

import { connect } from "node:net";
import { createBodyReader } from "./body-reader.ts";
import type { MadeBody } from "./made-body.ts";

/** So much of an answer that isn't the object is in the error that says so, in characters. */
const SHOWN_CHARACTERS = 300;

/** What a player asks for. */
export interface Playing {
  readonly path: string;
  /** What the object is; the bytes are compared with those of their place in it. */
  readonly body: MadeBody;
  /** Such as `bytes=0-`; absent for the whole. */
  readonly range?: string;
}

/** An answer that is being taken. */
export interface Played {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Takes until it has so many bytes in all, or a few more. Rejects where one is wrong or the answer ends before. */
  take(bytes: number): Promise<void>;
  /** Takes what is left; resolves to the length of the body. Rejects where a byte is wrong or the end is missing. */
  takeAll(): Promise<number>;
  /** Closes the connection. */
  leave(): void;
}

/** Asks over an HTTP/1.1 connection of its own and waits for the headers. Nothing is read that nobody takes. */
export async function play(port: number, { path, body, range }: Playing): Promise<Played> {
  const begun = Promise.withResolvers<{ status: number; headers: Record<string, string> }>();
  const what = `${path} ${range ?? "whole"}`;
  let first = 0;
  let taken = 0;
  /** Why what came isn't the object; undefined where it is. */
  let wrong: string | undefined;
  let status = 0;
  let hasBegun = false;
  let isOver = false;
  let wake = () => {};
  const reader = createBodyReader(false, {
    begin(head) {
      first = Number(/^bytes (\d+)-/.exec(head.headers["content-range"] ?? "")?.[1] ?? 0);
      hasBegun = true;
      status = head.status;
      begun.resolve(head);
    },
    add(piece) {
      const at = first + taken;
      const isWithin = at + piece.length <= body.length;
      taken += piece.length;
      if (isWithin && Buffer.compare(piece, body.subarray(at, at + piece.length).bytes()) === 0) return;
      wrong ??=
        status === 200 || status === 206
          ? `Wrong bytes: ${what}, between ${at} and ${first + taken}`
          : `Answered ${status}: ${what}: ${JSON.stringify(Buffer.from(piece).toString("latin1", 0, SHOWN_CHARACTERS))}`;
    },
  });
  const lines = [`GET ${path} HTTP/1.1`, "Host: 127.0.0.1"];
  if (range !== undefined) lines.push(`Range: ${range}`);
  const socket = connect(port, "127.0.0.1", () => socket.write(`${lines.join("\r\n")}\r\n\r\n`));
  socket.on("data", (piece: Buffer) => {
    reader.add(piece);
    if (hasBegun) socket.pause();
    wake();
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    isOver = true;
    begun.reject(new Error(`No answer: ${what}`));
    wake();
  });
  /** Reads until so many bytes are taken, or to the end. */
  const readUntil = async (enough: number): Promise<void> => {
    while (wrong === undefined && taken < enough && !isOver && !reader.isComplete()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      socket.resume();
      await promise;
    }
    if (wrong !== undefined) throw new Error(wrong);
  };
  const head = await begun.promise;
  return {
    ...head,
    async take(bytes) {
      await readUntil(bytes);
      if (taken < bytes) throw new Error(`Ended after ${taken} bytes, not ${bytes}: ${what}`);
    },
    async takeAll() {
      await readUntil(Number.POSITIVE_INFINITY);
      if (!reader.isComplete()) throw new Error(`Cut after ${taken} bytes: ${what}`);
      socket.destroy();
      return taken;
    },
    leave: () => socket.destroy(),
  };
}
