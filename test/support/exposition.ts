/**
 * A strict reader of Prometheus' text format 0.0.4, stricter than Prometheus: what its documentation of the format and of names
 * says "must" or "should" is an error where it isn't so.
 */

/** One line with a number. */
export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Everything under one name. */
export interface ParsedFamily {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly samples: readonly ParsedSample[];
}

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,(?=.)|$)/y;
const NUMBER = /^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|[+-]Inf|NaN)$/i;
const SUFFIXES = ["_bucket", "_sum", "_count"];

/** Reads the whole text; throws an error that names the line where it isn't as it must be. */
export function parseExposition(text: string): ReadonlyMap<string, ParsedFamily> {
  if (!text.endsWith("\n") || text.includes("\r"))
    throw new Error("Lines must end with a line feed, all of them");
  const families = new Map<string, ParsedFamily>();
  const lines = text.slice(0, -1).split("\n");
  for (let at = 0; at < lines.length; ) {
    const [, name = "", help = ""] =
      /^# HELP (\S+) (.*)$/.exec(lines[at++] ?? "") ?? fail(lines, at - 1, "HELP");
    const [, typed, type = ""] =
      /^# TYPE (\S+) (\S+)$/.exec(lines[at++] ?? "") ?? fail(lines, at - 1, "TYPE");
    if (!METRIC_NAME.test(name) || typed !== name || families.has(name)) fail(lines, at - 1, "a new name");
    if (type !== "counter" && type !== "gauge" && type !== "histogram") fail(lines, at - 1, "a type");
    const samples: ParsedSample[] = [];
    for (; at < lines.length && !lines[at]?.startsWith("#"); at++) {
      const sample = sampleOf(lines, at);
      const isIts =
        type === "histogram"
          ? SUFFIXES.some((suffix) => sample.name === name + suffix)
          : sample.name === name;
      if (!isIts) fail(lines, at, `a sample of ${name}`);
      samples.push(sample);
    }
    const family = { type, help, samples } as ParsedFamily;
    checkFamily(name, family);
    families.set(name, family);
  }
  return families;
}

/** The number with exactly these labels. */
export function valueIn(
  families: ReadonlyMap<string, ParsedFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const family = families.get(name) ?? families.get(name.replace(/_(?:bucket|sum|count)$/, ""));
  return family?.samples.find((sample) => sample.name === name && keyOf(sample.labels) === keyOf(labels))
    ?.value;
}

function fail(lines: readonly string[], at: number, wanted: string): never {
  throw new Error(`Line ${at + 1} is ${JSON.stringify(lines[at])}, wanted ${wanted}`);
}

function sampleOf(lines: readonly string[], at: number): ParsedSample {
  const [, name = "", inside, number = ""] = SAMPLE.exec(lines[at] ?? "") ?? fail(lines, at, "a sample");
  if (!NUMBER.test(number)) fail(lines, at, "a number");
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (inside !== undefined && LABEL.lastIndex < inside.length) {
    const [, label = "", text = ""] = LABEL.exec(inside) ?? fail(lines, at, "labels");
    if (label in labels || label.startsWith("__")) fail(lines, at, "each label once");
    labels[label] = text.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
  }
  if (inside === "") fail(lines, at, "labels within braces");
  const value = number.endsWith("Inf") ? Number(number.replace("Inf", "Infinity")) : Number(number);
  return { name, labels, value };
}

function checkFamily(name: string, { type, help, samples }: ParsedFamily): void {
  const problem = (text: string) => new Error(`${name}: ${text}`);
  if (samples.length === 0) throw problem("has no samples");
  if (!help.endsWith(".")) throw problem("its help should be a sentence");
  if ((type === "counter") !== name.endsWith("_total"))
    throw problem("a counter, and only a counter, ends in _total");
  if (/_(?:milliseconds|ms|kilobytes|minutes|percent)\b/.test(name)) throw problem("isn't in a base unit");
  const keys = samples.map((sample) => sample.name + keyOf(sample.labels));
  if (new Set(keys).size !== keys.length) throw problem("has two samples with the same labels");
  const names = new Set(samples.map(({ labels: { le: _, ...labels } }) => Object.keys(labels).sort().join()));
  if (names.size > 1) throw problem("has samples with different labels");
  for (const { value, labels } of samples) {
    if (type !== "gauge" && !(value >= 0)) throw problem("counts below zero");
    if ("le" in labels && type !== "histogram") throw problem("has le and is no histogram");
  }
  if (type === "histogram") checkHistogram(name, samples, problem);
}

function checkHistogram(
  name: string,
  samples: readonly ParsedSample[],
  problem: (text: string) => Error,
): void {
  const groups = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => keyOf(labels));
  for (const group of groups.values()) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => Number(labels.le?.replace("+Inf", "Infinity")));
    if (!bounds.every((bound, at) => at === 0 || bound > (bounds[at - 1] ?? Number.NaN)))
      throw problem("its bounds don't rise");
    if (!buckets.every(({ value }, at) => at === 0 || value >= (buckets[at - 1]?.value ?? Number.NaN)))
      throw problem("its buckets aren't cumulative");
    const count = group.filter((sample) => sample.name === `${name}_count`);
    const sum = group.filter((sample) => sample.name === `${name}_sum`);
    if (count.length !== 1 || sum.length !== 1) throw problem("wants one sum and one count for each group");
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY || buckets.at(-1)?.value !== count[0]?.value)
      throw problem("its last bucket isn't its count");
  }
}

function keyOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort());
}
