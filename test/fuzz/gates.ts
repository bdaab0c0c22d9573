/** Where everything in a fuzz run waits for its turn, so that the step list and not the machine decides what comes first. */

import { access } from "node:fs/promises";

/** What waits: an answer of S3, the next bytes of one, a call on an open file, or a client before it reads on. */
export type GateKind = "answer" | "chunk" | "file" | "client";

interface Gate {
  readonly what: string;
  readonly open: (isReleased: boolean) => void;
}

/** In so many looks in a row nothing may have happened. */
const CALM_LOOKS = 4;
/** More looks than anything takes that isn't stuck. */
const MOST_LOOKS = 100_000;

/** All that waits. */
export class Gates {
  /** Told of everything that comes and goes. */
  onEvent: (event: string) => void = () => {};
  readonly #waiting: Gate[] = [];
  #events = 0;
  #running = 0;

  /** Counts whatever happens: the number of the present moment. */
  get moment(): number {
    return this.#events;
  }

  /** How many wait. */
  get count(): number {
    return this.#waiting.length;
  }

  /** What waits, for a message. */
  get names(): readonly string[] {
    return this.#waiting.map(({ what }) => what);
  }

  /** Something has happened. */
  note(event: string): void {
    this.#events++;
    this.onEvent(event);
  }

  /** Waits to be released: true then, false where `gone` was aborted first. */
  async pass(kind: GateKind, name: string, gone?: AbortSignal): Promise<boolean> {
    if (gone?.aborted === true) return false;
    const what = `${kind} ${name}`;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const gate: Gate = { what, open: resolve };
    this.#waiting.push(gate);
    this.note(`  waits: ${what}`);
    const leave = () => {
      const at = this.#waiting.indexOf(gate);
      if (at >= 0) this.#waiting.splice(at, 1);
      resolve(false);
    };
    gone?.addEventListener("abort", leave, { once: true });
    const isReleased = await promise;
    gone?.removeEventListener("abort", leave);
    return isReleased;
  }

  /** Lets one go on. Returns false where none waits. */
  release(pick: number): boolean {
    const [gate] = this.#waiting.splice(pick % Math.max(1, this.#waiting.length), 1);
    if (gate === undefined) return false;
    this.note(`goes on: ${gate.what}`);
    gate.open(true);
    return true;
  }

  /** Work on another thread, whose end is waited for before anything else is let go. */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      this.note("  file call ended");
    }
  }

  /** Resolves when nothing happens any more until the next one is released. */
  async calm(directory: string): Promise<void> {
    for (let looks = 0, calm = 0; calm < CALM_LOOKS; looks++) {
      if (looks > MOST_LOOKS) throw new Error("It never came to rest");
      const before = this.#events;
      // Queues behind the calls on files that are under way, those of which nothing is known here too.
      await access(directory).catch(() => {});
      await new Promise((resolve) => setImmediate(resolve));
      calm = before === this.#events && this.#running === 0 ? calm + 1 : 0;
    }
  }
}
