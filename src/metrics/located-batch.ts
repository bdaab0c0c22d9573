/** A batch of visits whose places are known: what destinations are given, and what waits for a sink in memory and on disk. */

import { countOf, NUMBERS, PLACES, type VisitBatch, visitsOf } from "./batch.ts";
import { encodeFrame } from "./frames.ts";
import type { Location } from "./geo/source.ts";
import type { Visit } from "./visit.ts";

/** Of one visit, its columns. */
const VISIT_BYTES = NUMBERS * Float64Array.BYTES_PER_ELEMENT + PLACES * Uint16Array.BYTES_PER_ELEMENT;
/** The length of the text before the columns stands in so many bytes. */
const LENGTH_BYTES = 4;

/** What is written before the columns, as JSON, which has no number as large as the time. */
interface Head extends Pick<VisitBatch, "strings" | "addresses"> {
  readonly id: string;
  readonly epochNs: string;
  readonly locations: readonly (Location | null)[];
}

/** Never changes: all destinations have the same one. */
export class LocatedBatch {
  /** How many visits it has. */
  readonly count: number;
  readonly #batch: VisitBatch;
  readonly #id: string;
  readonly #locations: readonly (Location | undefined)[];
  #frame: Uint8Array | undefined;

  /**
   * @param id unlike any other batch's anywhere
   * @param locations of the batch's addresses, in their order; undefined where the place isn't known
   */
  constructor(batch: VisitBatch, id: string, locations: readonly (Location | undefined)[]) {
    this.count = countOf(batch);
    this.#batch = batch;
    this.#id = id;
    this.#locations = locations;
  }

  /** Each visit stands for so many: 1 unless they are a sample. */
  get weight(): number {
    return this.#batch.weight ?? 1;
  }

  /** The visits, made anew each time. */
  visits(): Visit[] {
    return visitsOf(this.#batch, this.#id, this.#locations);
  }

  /** As it is kept on disk, by frames.ts; made once for all spools. */
  get frame(): Uint8Array {
    this.#frame ??= encodeFrame(this.count, this.#encode());
    return this.#frame;
  }

  /** A batch as a frame has it. Undefined for other bytes; a checksum around them has to say that they are whole. */
  static decode(bytes: Uint8Array): LocatedBatch | undefined {
    try {
      const headBytes = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0, true);
      const columnsAt = LENGTH_BYTES + headBytes;
      // Nothing but `#encode` makes these bytes.
      const head = JSON.parse(new TextDecoder().decode(bytes.subarray(LENGTH_BYTES, columnsAt))) as Head;
      // A copy, for numbers must begin where their length divides.
      const { buffer } = new Uint8Array(bytes.subarray(columnsAt));
      const count = buffer.byteLength / VISIT_BYTES;
      const numbers = new Float64Array(buffer, 0, count * NUMBERS);
      const places = new Uint16Array(buffer, numbers.byteLength);
      const { id, strings, addresses } = head;
      const locations = head.locations.map((location) => location ?? undefined);
      return new LocatedBatch(
        { epochNs: BigInt(head.epochNs), strings, addresses, numbers, places },
        id,
        locations,
      );
    } catch {
      return undefined;
    }
  }

  /** The columns are written as they are in memory: every machine that Bun runs on has the little end first. */
  #encode(): Uint8Array {
    const { epochNs, strings, addresses, numbers, places } = this.#batch;
    const locations = this.#locations.map((location) => location ?? null);
    const head: Head = { id: this.#id, epochNs: String(epochNs), strings, addresses, locations };
    const text = new TextEncoder().encode(JSON.stringify(head));
    const bytes = new Uint8Array(LENGTH_BYTES + text.length + this.count * VISIT_BYTES);
    new DataView(bytes.buffer).setUint32(0, text.length, true);
    bytes.set(text, LENGTH_BYTES);
    for (const [at, column] of [
      [0, numbers],
      [numbers.byteLength, places],
    ] as const) {
      bytes.set(
        new Uint8Array(column.buffer, column.byteOffset, column.byteLength),
        LENGTH_BYTES + text.length + at,
      );
    }
    return bytes;
  }
}
