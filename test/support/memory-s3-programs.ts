import { createHold, type Hold, type HoldControl } from "./hold.ts";
import type { Pair } from "./pairs.ts";
import type { S3Failure } from "./s3-errors.ts";

/** Takes a program away again; a second call does nothing. */
export type Removal = () => void;

/** An answer that a test wrote itself. */
export interface ScriptedAnswer {
  status: number;
  headers: Pair[];
  body: Uint8Array;
}

/** What a server does other than answer well, by kind. */
export interface ProgramKinds {
  hold: { hold: HoldControl };
  closeBeforeHeaders: object;
  fail: { failure: S3Failure };
  answer: ScriptedAnswer;
  holdBody: { hold: HoldControl; afterBytes: number };
  cut: { afterBytes: number };
  drip: { bytesPerSecond: number };
}

/** The programs of one server. */
export interface Programs {
  /** Adds a program for one key, or for all with `"*"`; it ends after `times` requests. */
  add<Kind extends keyof ProgramKinds>(
    kind: Kind,
    key: string,
    program: ProgramKinds[Kind],
    times?: number,
  ): Removal;
  /** Adds a program that holds requests, which ends when the hold is released for good. */
  addHold(key: string): Hold;
  /** Adds a program that holds bodies, which ends after `times` requests or when the hold is released for good. */
  addHoldBody(key: string, afterBytes: number, times?: number): Hold;
  /** The program of that kind for a request of that key: one for the key before one for all, the newest first. */
  take<Kind extends keyof ProgramKinds>(kind: Kind, key: string): ProgramKinds[Kind] | undefined;
  /** Takes all programs away and lets everything pass that is held. */
  clear(): void;
}

interface Entry<Kind extends keyof ProgramKinds> {
  key: string;
  program: ProgramKinds[Kind];
  timesLeft: number;
}

type Table = { [Kind in keyof ProgramKinds]: Entry<Kind>[] };

/** Makes an empty set of programs. */
export function createPrograms(): Programs {
  const table: Table = {
    hold: [],
    closeBeforeHeaders: [],
    fail: [],
    answer: [],
    holdBody: [],
    cut: [],
    drip: [],
  };

  function add<Kind extends keyof ProgramKinds>(
    kind: Kind,
    key: string,
    program: ProgramKinds[Kind],
    times = Number.POSITIVE_INFINITY,
  ): Removal {
    const entry: Entry<Kind> = { key, program, timesLeft: times };
    table[kind].unshift(entry);
    return () => remove(kind, entry);
  }

  function remove<Kind extends keyof ProgramKinds>(kind: Kind, entry: Entry<Kind>): void {
    const index = table[kind].indexOf(entry);
    if (index >= 0) table[kind].splice(index, 1);
  }

  function take<Kind extends keyof ProgramKinds>(kind: Kind, key: string): ProgramKinds[Kind] | undefined {
    const entries = table[kind];
    const entry = entries.find((each) => each.key === key) ?? entries.find((each) => each.key === "*");
    if (entry === undefined) return undefined;
    entry.timesLeft -= 1;
    if (entry.timesLeft <= 0) remove(kind, entry);
    return entry.program;
  }

  return {
    add,
    addHold(key) {
      const hold = createHold(() => removal());
      const removal = add("hold", key, { hold });
      return hold;
    },
    addHoldBody(key, afterBytes, times) {
      const hold = createHold(() => removal());
      const removal = add("holdBody", key, { hold, afterBytes }, times);
      return hold;
    },
    take,
    clear() {
      const holds = [...table.hold, ...table.holdBody].map((entry) => entry.program.hold);
      for (const entries of Object.values(table)) entries.length = 0;
      for (const hold of holds) hold.release();
    },
  };
}
