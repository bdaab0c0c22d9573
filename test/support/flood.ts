/** A flood of HTTP/2 frames on one connection. */

import { FLAG, FRAME, type Frame, ping } from "./http2-frames.ts";
import { openWire, type Wire } from "./http2-wire.ts";

/** What is poured out. */
export interface Flood {
  /** What comes behind the preface, before it begins. */
  readonly first: readonly Uint8Array[];
  /** The bytes of a round, from 0. */
  round(index: number): Uint8Array;
  readonly rounds: number;
  /** True for a client that reads nothing of what it is answered. */
  readonly isDeaf?: boolean;
}

/** Streams of a client have odd numbers; this is the one of an index from 0. */
export const streamOf = (index: number) => 2 * index + 1;

/** One piece of a flood, several times. */
export function times(count: number, piece: (index: number) => Uint8Array): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, index) => piece(index)));
}

/**
 * Pours a flood until the server has ended the connection, or everything was sent and, where the client reads, dealt with.
 *
 * @returns the connection: an open one has endured it
 */
export async function pour(port: number, flood: Flood): Promise<Wire> {
  const wire = await openWire(port, ...flood.first);
  if (flood.isDeaf === true) wire.pause();
  for (let index = 0; index < flood.rounds && !wire.isClosed; index++) await wire.send(flood.round(index));
  if (flood.isDeaf === true) return wire;
  await wire.send(ping("that-all"));
  const isAnswer = ({ type, flags, payload }: Frame) =>
    type === FRAME.ping && (flags & FLAG.ack) !== 0 && payload.toString("latin1") === "that-all";
  await wire.frame(isAnswer);
  return wire;
}
