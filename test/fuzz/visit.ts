/** One client of a fuzz run: asks, reads as fast as it was told to, perhaps leaves, and has every byte compared. */

import type { Handler } from "../../src/edge/handler.ts";
import type { Gates } from "./gates.ts";
import type { Asked, Judge, Verdict } from "./judge.ts";

/** What a client asks for and how it behaves. */
export interface Plan {
  readonly path: string;
  readonly method: "GET" | "HEAD";
  /** Both ends included. */
  readonly range: { readonly first: number; readonly last: number } | undefined;
  readonly ifNoneMatch: string | undefined;
  /** True for one that waits for its turn before it reads on. */
  readonly isSlow: boolean;
  /** Leaves after so many reads. */
  readonly leavesAfter: number | undefined;
}

/** What a client needs. */
export interface VisitParts {
  readonly handler: Handler;
  readonly gates: Gates;
  readonly judge: Judge;
  /** Told what is wrong. */
  readonly onWrong: (what: string) => void;
}

interface Reader {
  read(): Promise<{ readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

type Outcome = "running" | "whole" | "broken" | "left" | "refused";

/** One request. */
export class Visit {
  readonly #parts: VisitParts;
  readonly #plan: Plan;
  readonly #asked: Asked;
  readonly #leaving = new AbortController();
  #reader: Reader | undefined;
  #outcome: Outcome = "running";

  constructor(plan: Plan, parts: VisitParts) {
    this.#parts = parts;
    this.#plan = plan;
    const { path, method, range, ifNoneMatch } = plan;
    parts.gates.note(`  asks: ${method} ${path} ${JSON.stringify(range ?? "")}${ifNoneMatch ?? ""}`);
    this.#asked = { path, startedAt: parts.gates.moment, method, range, ifNoneMatch };
  }

  /** True until it has its answer or has left. */
  get isRunning(): boolean {
    return this.#outcome === "running";
  }

  /** What it waits for, for a message. */
  get name(): string {
    return `${this.#plan.method} ${this.#plan.path} since ${this.#asked.startedAt}`;
  }

  /** Asks. Never rejects. */
  async start(): Promise<void> {
    const { handler } = this.#parts;
    const { path, method, range, ifNoneMatch } = this.#plan;
    const headers = new Headers({ host: "fuzz" });
    if (range !== undefined) headers.set("range", `bytes=${range.first}-${range.last}`);
    if (ifNoneMatch !== undefined) headers.set("if-none-match", ifNoneMatch);
    const { signal } = this.#leaving;
    try {
      const request = new Request(`http://fuzz/${path}`, { method, headers, signal });
      await this.#receive(
        await handler.answer(
          request,
          (_, it) => it,
          () => "192.0.2.1",
        ),
      );
    } catch (error) {
      this.#wrong(`threw ${(error as Error).stack}`);
    }
  }

  /** Leaves, as a client that closes its connection. */
  leave(): void {
    if (this.isRunning) this.#end("left");
    this.#leaving.abort();
    this.#reader?.cancel().catch(() => {});
  }

  async #receive(response: Response): Promise<void> {
    this.#parts.gates.note(
      `  answered: ${this.name}: ${response.status} ${response.headers.get("cache-status")} ${response.headers.get("last-modified")}`,
    );
    if (!this.isRunning) {
      await response.body?.cancel();
      return;
    }
    const verdict = this.#parts.judge.head(this.#asked, response);
    if (typeof verdict === "string") return this.#wrong(verdict);
    if (response.status >= 400) return this.#end("refused");
    await this.#read(response, verdict);
  }

  async #read({ body }: Response, verdict: Verdict): Promise<void> {
    const { handler, gates, judge } = this.#parts;
    const { leavesAfter, isSlow } = this.#plan;
    const { bytes } = verdict;
    let at = 0;
    try {
      this.#reader = body?.getReader();
      for (let reads = 0; this.isRunning; reads++) {
        if (reads === leavesAfter) return this.leave();
        if (isSlow && reads > 0) await gates.pass("client", this.name, this.#leaving.signal);
        const chunk = (await this.#reader?.read())?.value;
        gates.note(`  read: ${this.name}: ${chunk?.length} at ${at} of ${bytes.length}`);
        if (!this.isRunning) return;
        if (chunk === undefined) break;
        if (
          !Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.min(chunk.length, bytes.length - at)).equals(
            chunk,
          )
        )
          return this.#wrong(`other bytes from ${at} on, in ${chunk.length}`);
        at += chunk.length;
      }
    } catch (error) {
      if (!this.isRunning) return;
      const recovered = at === 0 && error instanceof Error ? handler.recover(error) : undefined;
      if (recovered !== undefined) return await this.#recover(await recovered);
      if (!judge.mayBreak(this.#asked, verdict)) return this.#wrong(`broken off at ${at}: ${error}`);
      return this.#end("broken");
    }
    if (at < bytes.length) return this.#wrong(`ended after ${at} of ${bytes.length} bytes`);
    this.#end("whole");
  }

  /** The answer in place of one whose file was gone: of the whole object, whatever part was asked for. */
  #recover(response: Response): Promise<void> {
    Object.assign(this.#asked, { method: "GET", range: undefined, ifNoneMatch: undefined });
    return this.#receive(response);
  }

  #wrong(what: string): void {
    this.#parts.onWrong(`${this.name}: ${what}`);
    this.#end("broken");
  }

  #end(outcome: Outcome): void {
    this.#outcome = outcome;
    this.#parts.gates.note(`  ${outcome}: ${this.name}`);
  }
}
