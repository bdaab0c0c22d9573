/** The dashboard's stream of events (https://html.spec.whatwg.org/multipage/server-sent-events.html): the same frames for all who look. */

import type { Operations } from "../telemetry/operations.ts";
import { problem } from "./own-answers.ts";

/** A frame is sent so often while somebody looks, in milliseconds. */
const FRAME_EVERY_MS = 2_000;
/** A frame has the points of so long before again, in milliseconds, so that a viewer that misses some frames misses no point. */
const REPEATED_MS = 5 * FRAME_EVERY_MS;
/** So many may look at once through one listener; a frame is made once for all of them, and sent to each. */
const MOST_VIEWERS = 20;
/** So many frames wait for a viewer that doesn't take them; then he misses some. */
const WAITING_FRAMES = 2;

interface Viewer {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  readonly untilMs: number;
}

/** One listener's viewers. */
export class LiveFeed {
  readonly #operations: Pick<Operations, "overview">;
  readonly #viewers = new Set<Viewer>();
  readonly #encoder = new TextEncoder();
  #timer: ReturnType<typeof setInterval> | undefined;
  #isClosed = false;

  constructor(operations: Pick<Operations, "overview">) {
    this.#operations = operations;
  }

  /**
   * The stream for one more viewer: everything at once, and then what is new.
   *
   * @param untilMs it ends then, milliseconds since the epoch
   */
  async view(untilMs: number): Promise<Response> {
    if (this.#viewers.size >= MOST_VIEWERS) return problem(503, "Too many look already");
    const whole = this.#frame(await this.#operations.overview(0));
    if (this.#isClosed) return problem(503, "The program ends");
    let viewer: Viewer | undefined;
    const stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          viewer = { controller, untilMs };
          controller.enqueue(whole);
          this.#add(viewer);
        },
        cancel: () => {
          if (viewer !== undefined) this.#remove(viewer);
        },
      },
      { highWaterMark: WAITING_FRAMES },
    );
    const headers = { "content-type": "text/event-stream", "cache-control": "no-store" };
    return new Response(stream, { headers });
  }

  /** Ends all streams; browsers come back to another process. */
  close(): void {
    this.#isClosed = true;
    for (const viewer of this.#viewers) this.#end(viewer);
  }

  #add(viewer: Viewer): void {
    this.#viewers.add(viewer);
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => void this.#sendAll(), FRAME_EVERY_MS);
  }

  #remove(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    if (this.#viewers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #end(viewer: Viewer): void {
    this.#remove(viewer);
    try {
      viewer.controller.close();
    } catch {
      // He has left already.
    }
  }

  async #sendAll(): Promise<void> {
    const nowMs = Date.now();
    const frame = this.#frame(await this.#operations.overview(nowMs - REPEATED_MS));
    for (const viewer of this.#viewers) {
      if (nowMs >= viewer.untilMs) {
        this.#end(viewer);
        continue;
      }
      try {
        if ((viewer.controller.desiredSize ?? 0) > 0) viewer.controller.enqueue(frame);
      } catch {
        this.#remove(viewer);
      }
    }
  }

  /** JSON has no line breaks, and so is one line of data. */
  #frame(json: string): Uint8Array {
    return this.#encoder.encode(`data: ${json}\n\n`);
  }
}
