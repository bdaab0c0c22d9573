import { expect, test } from "bun:test";
import type { Overview } from "../telemetry/overview.ts";

// By a name that isn't known here: to the program's own modules the page's files are text.
const module: string = "./problems.js";
const { problemsIn }: { problemsIn(overview: Overview): string[] } = await import(module);

const NOW_MS = 1_700_000_000_000;
const MINUTE_MS = 60_000;

const sink = {
  sink: "questdb",
  failingSinceMs: undefined,
  waiting: 0,
  spooled: 0,
  spoolBytes: 0,
  delivered: 5,
  lost: 0,
};

/** An overview in which all is well, but for what is given. */
function overview(wrong: object = {}): Overview {
  const directoryErrors = { read: 0, write: 0, lastAtMs: undefined };
  const publishing = { batchesUnderWay: 0, dropped: 0, sinks: [sink] };
  const cluster = { isTogether: true, sinceMs: NOW_MS - MINUTE_MS };
  const well = { nowMs: NOW_MS, originAnsweredAtMs: NOW_MS - MINUTE_MS, originFailing: undefined };
  // The page reads more of it; what is wrong follows from this alone.
  return { ...well, cache: { directoryErrors }, publishing, cluster, ...wrong } as unknown as Overview;
}

test("where all is well nothing is said, also where S3 has not been asked for long", () => {
  expect(problemsIn(overview())).toEqual([]);
  expect(problemsIn(overview({ publishing: undefined, cluster: undefined }))).toEqual([]);
});

test.each([
  ["origin-unreachable", "S3 fails: it can't be reached (origin-unreachable). It last answered 1 min ago. "],
  ["origin-refused", "S3 fails: it doesn't accept the credentials, "],
  ["origin-else", "S3 fails: it fails (origin-else)"],
])("S3 that has failed with %p for longer than a hiccup is told, with what to do", (originFailing, start) => {
  const [text, ...others] = problemsIn(overview({ originFailing }));
  expect(text).toStartWith(start);
  expect(text).toContain('"s3proxy check"');
  expect(others).toEqual([]);
  expect(problemsIn(overview({ originFailing, originAnsweredAtMs: NOW_MS - 9_000 }))).toEqual([]);
  expect(problemsIn(overview({ originFailing, originAnsweredAtMs: 0 }))[0]).toContain("answered never yet.");
});

test("a cache directory that fails is told while it does", () => {
  const failed = (lastAtMs: number) => ({ cache: { directoryErrors: { read: 1, write: 2_000, lastAtMs } } });
  expect(problemsIn(overview(failed(NOW_MS - MINUTE_MS)))).toEqual([
    expect.stringContaining("1 reads and 2,000 writes have failed, the last 1 min ago"),
  ]);
  expect(problemsIn(overview(failed(NOW_MS - 2 * MINUTE_MS)))).toEqual([]);
});

test("a sink that takes nothing is told with what waits for it", () => {
  const sinks = [sink, { ...sink, sink: "mongodb", failingSinceMs: NOW_MS, waiting: 40, spooled: 1_000 }];
  expect(problemsIn(overview({ publishing: { sinks } }))).toEqual([
    "mongodb has taken no visits for 0 s: 1,040 visits wait for it, and are sent when it is back. The log says why.",
  ]);
});

test("a node that is alone is told", () => {
  const cluster = { isTogether: false, sinceMs: NOW_MS - 2 * MINUTE_MS };
  expect(problemsIn(overview({ cluster }))).toEqual([
    expect.stringContaining("Redis has not been reached for 2 min: this node is alone."),
  ]);
});
