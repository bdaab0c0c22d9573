/** How far warming has come: counted, put into words, and shown. */

import { bytesText } from "../common/bytes-text.ts";
import type { FetchedAhead } from "../keeper/fetch-ahead.ts";

/** A terminal's line is drawn anew so often, in milliseconds. */
const DRAWN_EVERY_MS = 100;
/** Where there is no terminal a line is written so often, in milliseconds. */
const WRITTEN_EVERY_MS = 5_000;
/** Columns of the bar between its brackets. */
const BAR_COLUMNS = 24;
/** Most problems that are shown one by one. */
const PROBLEMS_SHOWN = 20;

/** What has become of the keys so far. */
export interface Tally {
  fresh: number;
  stored: number;
  unchanged: number;
  notStored: number;
  missing: number;
  failed: number;
  /** Of bodies that came from S3. */
  fetchedBytes: number;
  /** Of all bodies that are at hand now. */
  keptBytes: number;
}

/** How many keys there are, as far as is known. */
export interface Extent {
  readonly known: number;
  readonly isComplete: boolean;
}

export function emptyTally(): Tally {
  const counts = { fresh: 0, stored: 0, unchanged: 0, notStored: 0, missing: 0, failed: 0 };
  return { ...counts, fetchedBytes: 0, keptBytes: 0 };
}

/** Counts what has become of a key. */
export function count(tally: Tally, result: FetchedAhead): void {
  switch (result.kind) {
    case "fresh":
      tally.fresh++;
      tally.keptBytes += result.bodyBytes;
      return;
    case "stored":
      tally[result.isUnchanged ? "unchanged" : "stored"]++;
      tally.keptBytes += result.bodyBytes;
      if (!result.isUnchanged) tally.fetchedBytes += result.bodyBytes;
      return;
    case "not-stored":
      tally.notStored++;
      return;
    case "missing":
    case "denied":
      tally.missing++;
      return;
    case "failed":
      tally.failed++;
  }
}

/** How many keys are done with. */
function doneOf({ fresh, stored, unchanged, notStored, missing, failed }: Tally): number {
  return fresh + stored + unchanged + notStored + missing + failed;
}

/** The state in one line: `120 of 500 objects, 35.2 MiB, 12.0 MiB/s, 2 min left`. */
export function progressText(tally: Tally, { known, isComplete }: Extent, elapsedMs: number): string {
  const done = doneOf(tally);
  const seconds = Math.max(elapsedMs, 1) / 1000;
  const parts = [
    `${done} of ${known}${isComplete ? "" : "+"} objects`,
    bytesText(tally.fetchedBytes),
    `${bytesText(tally.fetchedBytes / seconds)}/s`,
  ];
  if (isComplete && done > 0 && done < known)
    parts.push(`${durationText(((known - done) / done) * seconds)} left`);
  return parts.join(", ");
}

/** A bar that is full when everything is done; empty while nobody knows how much there is. */
export function barOf(tally: Tally, { known, isComplete }: Extent): string {
  const share = isComplete && known > 0 ? doneOf(tally) / known : 0;
  const filled = Math.round(share * BAR_COLUMNS);
  return `[${"#".repeat(filled)}${".".repeat(BAR_COLUMNS - filled)}]`;
}

/** What has been done, at the end; what is zero is left out, but for the first. */
export function summaryText(tally: Tally, elapsedMs: number): string {
  const parts = [`${tally.stored} fetched (${bytesText(tally.fetchedBytes)})`];
  const others = [
    [tally.fresh, "fresh already"],
    [tally.unchanged, "unchanged"],
    [tally.missing, "missing"],
    [tally.notStored, "not to be kept"],
    [tally.failed, "failed"],
  ] as const;
  for (const [number, what] of others) if (number > 0) parts.push(`${number} ${what}`);
  return `${parts.join(", ")}, in ${durationText(elapsedMs / 1000)}`;
}

function durationText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** Where it is shown. */
export interface ProgressOutput {
  readonly isTerminal: boolean;
  /** Columns of the terminal. */
  readonly columns: number;
  write(text: string): void;
  writeProblem(text: string): void;
}

/** Shows it, on a terminal in one line that is drawn again and again, else in a line now and then. */
export class ProgressDisplay {
  readonly #output: ProgressOutput;
  readonly #text: () => { readonly bar: string; readonly text: string };
  readonly #timer: Timer;
  #problems = 0;

  /** @param text the state as it is now */
  constructor(output: ProgressOutput, text: () => { readonly bar: string; readonly text: string }) {
    this.#output = output;
    this.#text = text;
    this.#timer = setInterval(() => this.#show(), output.isTerminal ? DRAWN_EVERY_MS : WRITTEN_EVERY_MS);
  }

  /** A line about what went wrong with a key; the first of them. */
  problem(text: string): void {
    if (++this.#problems > PROBLEMS_SHOWN) return;
    this.#clear();
    this.#output.writeProblem(`${text}\n`);
    if (this.#problems === PROBLEMS_SHOWN) this.#output.writeProblem("Further problems are only counted\n");
  }

  /** Shows nothing more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#clear();
  }

  #show(): void {
    const { isTerminal, columns, write } = this.#output;
    const { bar, text } = this.#text();
    // A line that wraps could not be drawn over.
    if (isTerminal) write(`\r${`${bar} ${text}`.slice(0, Math.max(columns - 1, 1))}\u001b[K`);
    else write(`${text}\n`);
  }

  #clear(): void {
    if (this.#output.isTerminal) this.#output.write("\r\u001b[K");
  }
}
