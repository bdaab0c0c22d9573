/**
 * The log: one line a message, `time level message field=value ...`. Every thread writes through a `Log`;
 * where its lines go is the sink's business, so the lines of all threads end in one file, whole.
 */

import { Repetition } from "./repetition.ts";

/** Severity, most severe first. */
export type Level = "critical" | "warn" | "info" | "debug";

/** What a line says beside its message. Absent values are left out. */
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Takes one finished line, without its newline. Must not throw. */
export type LineSink = (line: string) => void;

/** What the rest of the program logs through. */
export interface Log {
  critical(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  debug(message: string, fields?: Fields): void;
  /** True where a line of this level would be written: ask before building costly fields. */
  writes(level: Level): boolean;
}

/** A log whose level can be another one later. */
export interface AdjustableLog extends Log {
  /** From now on this is the least severe level that is written. */
  setLevel(least: Level): void;
}

const SEVERITY: Readonly<Record<Level, number>> = { critical: 0, warn: 1, info: 2, debug: 3 };

/**
 * Makes a log. Of a warning, or worse, that repeats and repeats only some lines are written, and how many were left out.
 *
 * @param least the least severe level that is written
 * @param sink where finished lines go
 * @param nowMs the clock, milliseconds since the epoch
 */
export function createLog(least: Level, sink: LineSink, nowMs: () => number): AdjustableLog {
  let threshold = SEVERITY[least];
  const repetition = new Repetition();
  const write = (level: Level, message: string, fields?: Fields) => {
    const atMs = nowMs();
    for (const omission of repetition.ended(atMs))
      sink(formatLine(atMs, "warn", "Further lines like these were left out", { ...omission }));
    const isComplaint = SEVERITY[level] <= SEVERITY.warn;
    if (!isComplaint || repetition.admits(message, atMs)) sink(formatLine(atMs, level, message, fields));
  };
  const at = (level: Level) => (message: string, fields?: Fields) => {
    if (SEVERITY[level] <= threshold) write(level, message, fields);
  };
  return {
    critical: at("critical"),
    warn: at("warn"),
    info: at("info"),
    debug: at("debug"),
    writes: (level) => SEVERITY[level] <= threshold,
    setLevel(level) {
      threshold = SEVERITY[level];
    },
  };
}

/** One line: `2026-01-31T12:34:56.789Z info  Object fetched key=index.html bytes=3000`. */
export function formatLine(nowMs: number, level: Level, message: string, fields: Fields = {}): string {
  let line = `${new Date(nowMs).toISOString()} ${level.padEnd(8)} ${oneLine(message)}`;
  for (const name in fields) {
    const value = fields[name];
    if (value !== undefined) line += ` ${name}=${typeof value === "string" ? quoted(value) : value}`;
  }
  return line;
}

const NEEDS_QUOTES = /[\s"=\\\u0000-\u001f\u007f-\u009f\u2028\u2029]|^$/;
const ESCAPED_IN_LINE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

function quoted(value: string): string {
  return NEEDS_QUOTES.test(value) ? oneLine(JSON.stringify(value)) : value;
}

function oneLine(value: string): string {
  return value.replace(ESCAPED_IN_LINE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
