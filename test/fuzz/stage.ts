/** What a fuzz run takes place on: the present life of the program, its clients, S3 and the time, and the checks all along. */

import { rmSync } from "node:fs";
import type { ClearScope } from "../../src/keeper/protocol.ts";
import { openFilesOf } from "../support/process-facts.ts";
import { Bucket } from "./bucket.ts";
import { Clock } from "./clock.ts";
import { Faults } from "./faults.ts";
import { copyFolder, makeFolder } from "./folder.ts";
import { Gates } from "./gates.ts";
import { type Clear, Judge, type Rules } from "./judge.ts";
import { DEADLINE_MS, Life } from "./life.ts";
import { S3 } from "./s3.ts";
import type { Setting } from "./steps.ts";
import { Timers } from "./timers.ts";
import { type Plan, Visit } from "./visit.ts";

/** Most that is let go before everything must have come to its end. */
const MOST_RELEASES = 20_000;
/** Where nothing waits for its turn, so long passes before it is looked again; a fill that nobody waits for ends then. */
const PATIENCE_MS = 600;
/** So often that is done: not so long that S3 would be given up. */
const PATIENT_FOR = 4;
/** So often in a row nothing may have happened before whoever still waits is lost. */
const MOST_PATIENCE = 200;
/** Temporary files included, the directory is at most so much larger than its bound at any moment. */
const TOLERANCE = 1.05;
/** Lines of what happened last, for a message. */
const TRACED = Number(process.env.FUZZ_TRACE ?? 40);

/** Everything there is in one run. All methods throw where something was wrong. */
export class Stage {
  readonly gates = new Gates();
  readonly timers = new Timers();
  readonly faults = new Faults(() => this.gates.moment);
  readonly bucket = new Bucket(() => this.gates.moment);
  readonly s3: S3;
  readonly #clock = new Clock(() => this.gates.moment);
  readonly #setting: Setting;
  readonly #rules: Rules;
  readonly #judge: Judge;
  readonly #trace: string[] = [];
  #clears: Clear[] = [];
  #visits: Visit[] = [];
  readonly #folders = [makeFolder()];
  #folder = this.#folders[0] ?? "";
  #life: Life;
  #wrong: string | undefined;

  constructor(setting: Setting) {
    this.#setting = setting;
    const { staleWhileRevalidateMs, staleIfErrorMs, isForced, ignoresIfMatch } = setting;
    this.#rules = { ttlMs: 60_000, negativeTtlMs: 10_000, isForced, staleWhileRevalidateMs, staleIfErrorMs };
    const { bucket, faults, gates } = this;
    this.s3 = new S3({ bucket, gates, faults, nowMs: () => this.#clock.nowMs, ignoresIfMatch });
    const clockSince = (moment: number) => this.#clock.since(moment);
    this.#judge = new Judge({ bucket, faults, clockSince, rules: this.#rules, clears: () => this.#clears });
    this.gates.onEvent = (event) => {
      this.#trace.push(`${this.gates.moment} ${event}`);
      if (this.#trace.length > TRACED) this.#trace.shift();
    };
    this.#life = this.#begin();
  }

  /** The cache directory. */
  get folder(): string {
    return this.#folder;
  }

  /** The program as it runs now. */
  get life(): Life {
    return this.#life;
  }

  /** Those who have no answer yet. */
  get visits(): readonly Visit[] {
    return this.#visits;
  }

  /** Something is wrong; the next wait says so. */
  fail(what: string): void {
    this.#wrong ??= what;
    this.gates.note(`WRONG: ${what}`);
  }

  /** A client comes. */
  visit(plan: Plan): void {
    const { gates } = this;
    const parts = { handler: this.#life.handler, gates, judge: this.#judge };
    const visit = new Visit(plan, { ...parts, onWrong: (what) => this.fail(what) });
    this.#visits.push(visit);
    void visit.start();
  }

  /** The operator clears. */
  clear(scope: ClearScope | undefined): void {
    const clear: Clear = { scope, beganAt: this.gates.moment, endedAt: undefined };
    this.#clears.push(clear);
    this.#life.keeper.clear(scope).then(
      () => {
        clear.endedAt = this.gates.moment;
        this.gates.note("  cleared");
      },
      (error) => this.fail(`A clear threw ${(error as Error).stack}`),
    );
  }

  /** The clock is set. */
  setClock(byMs: number): void {
    this.#clock.move(byMs);
  }

  /** Time passes. */
  passTime(ms: number): void {
    if (ms >= DEADLINE_MS) this.faults.timedOut();
    this.#clock.move(ms);
    this.timers.advance(ms);
  }

  /** Waits until nothing moves, and looks whether all is well. */
  async calm(): Promise<void> {
    do await this.gates.calm(this.#folder);
    while (this.timers.advance(0) > 0);
    this.#visits = this.#visits.filter((visit) => visit.isRunning);
    const problem = this.#life.problem(TOLERANCE);
    if (problem !== undefined) this.fail(problem);
    if (this.#wrong !== undefined)
      throw new Error(`${this.#wrong}\nWhat happened last:\n${this.#trace.join("\n")}`);
  }

  /** Everybody gets an answer. */
  async answerAll(): Promise<void> {
    const isDone = () =>
      this.#visits.length === 0 && this.#clears.every(({ endedAt }) => endedAt !== undefined);
    await this.#until(isDone, "A request");
  }

  /** The program ends, and nothing of it may be left. */
  async stop(): Promise<void> {
    this.faults.end();
    await this.answerAll();
    let isDone = false;
    this.#life.stop().then(
      () => {
        isDone = true;
      },
      (error) => this.fail(`The end threw ${error}`),
    );
    await this.#until(() => isDone, "The end");
    const left = () => [...openFilesOf(process.pid, this.#folder), ...this.#life.drafts()];
    await this.#until(() => this.gates.count === 0 && left().length === 0, "Something", left);
    const problem = this.#life.problem(1);
    if (problem !== undefined) this.fail(problem);
    await this.calm();
  }

  /** The same without waiting for anybody. */
  async abort(): Promise<void> {
    for (const visit of this.#visits) visit.leave();
    // Nobody is told that it is done, and it may not be.
    this.#clears = this.#clears.filter(({ endedAt }) => endedAt !== undefined);
    await this.stop();
  }

  /** The same at once: the next life finds the files as they are at this moment. */
  async kill(): Promise<void> {
    const left = copyFolder(this.#folder);
    this.#folders.push(left);
    await this.abort();
    this.#folder = left;
  }

  /** Starts the program again. */
  restart(): void {
    this.#life = this.#begin();
  }

  /** After a failure: lets everything end as it may, so that nothing of it is in the way of the next run. */
  async abandon(): Promise<void> {
    this.faults.end();
    for (const visit of this.#visits) visit.leave();
    let isOver = false;
    void this.#life.stop().finally(() => {
      isOver = true;
    });
    const isDone = () => isOver && this.gates.count + openFilesOf(process.pid, this.#folder).length === 0;
    for (let releases = 0; !isDone() && releases < MOST_RELEASES; releases++) {
      await this.gates.calm(this.#folder);
      if (!this.gates.release(0) && this.timers.advance(PATIENCE_MS) === 0 && isOver) break;
    }
  }

  /** Removes what is on disk. */
  remove(): void {
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }

  #begin(): Life {
    return new Life({
      directory: this.#folder,
      setting: this.#setting,
      rules: this.#rules,
      nowMs: () => this.#clock.nowMs,
      onCritical: (line) => this.fail(line),
    });
  }

  /**
   * Lets everything go on, in the order in which it came, until something is so.
   *
   * @param left what else to name where it never is
   */
  async #until(isDone: () => boolean, what: string, left = (): readonly string[] => []): Promise<void> {
    let patience = 0;
    for (let releases = 0; releases < MOST_RELEASES && patience <= MOST_PATIENCE; releases++) {
      await this.calm();
      if (isDone()) return;
      if (this.gates.release(0)) patience = 0;
      else if (++patience <= PATIENT_FOR) this.timers.advance(PATIENCE_MS);
    }
    const lost = [...this.#visits.map(({ name }) => name), ...this.gates.names, ...left()];
    this.fail(`${what} never ends: ${lost.join(", ")}`);
    await this.calm();
  }
}
