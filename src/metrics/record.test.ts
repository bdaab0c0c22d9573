import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { BATCH_VISITS, countOf, type RecordedVisit, type VisitBatch, visitsOf } from "./batch.ts";
import { createRecorder, type Recorder } from "./record.ts";

const START_MS = 1_700_000_000_000;

let handedOn: VisitBatch[];
let nowNs: number;
let nowMs: number;
/** The thread is put aside for so long, in milliseconds, when it has looked at the time of day the next time. */
let putAsideMs: number;
let recorder: Recorder;

function visit(resource = "/"): RecordedVisit {
  return {
    method: "GET",
    resource,
    mimeType: undefined,
    ipAddress: "192.0.2.1",
    sizeBytes: 0,
    startedNs: nowNs,
    timeNs: 1,
    status: 200,
    isCompressed: false,
    cacheStatus: "hit",
  };
}

function readTimeOfDay(): number {
  const readMs = nowMs;
  nowNs += putAsideMs * 1_000_000;
  nowMs += putAsideMs;
  putAsideMs = 0;
  return readMs;
}

beforeEach(() => {
  jest.useFakeTimers();
  handedOn = [];
  nowNs = 500;
  nowMs = START_MS;
  putAsideMs = 0;
  const handOn = (batch: VisitBatch) => void handedOn.push(batch);
  recorder = createRecorder({ handOn, nowNs: () => nowNs, nowMs: readTimeOfDay });
});
afterEach(() => {
  jest.useRealTimers();
});

test("a visit is handed on after a quarter of a second", () => {
  recorder.record(visit("/1"));
  jest.advanceTimersByTime(200);
  recorder.record(visit("/2"));
  expect(handedOn).toEqual([]);
  jest.advanceTimersByTime(50);
  expect(handedOn.map(countOf)).toEqual([2]);
  jest.advanceTimersByTime(1_000);
  expect(handedOn.length).toBe(1);
});

test("a full batch is handed on at once", () => {
  for (let index = 0; index < BATCH_VISITS + 1; index++) recorder.record(visit());
  expect(handedOn.map(countOf)).toEqual([BATCH_VISITS]);
  jest.advanceTimersByTime(250);
  expect(handedOn.map(countOf)).toEqual([BATCH_VISITS, 1]);
});

test("what there is can be flushed, and nothing is handed on where there is nothing", () => {
  recorder.flush();
  recorder.record(visit());
  recorder.flush();
  recorder.flush();
  jest.advanceTimersByTime(1_000);
  expect(handedOn.map(countOf)).toEqual([1]);
});

/** When a visit that begins now is said to have begun, milliseconds since the epoch. */
function dated(): number {
  recorder.record(visit());
  recorder.flush();
  return Number((visitsOf(handedOn.pop()!, "")[0]?.timestampNs ?? 0n) / 1_000n) / 1_000;
}

test("a visit is dated by the edge's clock, to the microsecond", () => {
  expect(dated()).toBe(START_MS);
  nowNs += 250_000;
  expect(dated()).toBe(START_MS + 0.25);
  // The time of day has moved by as much meanwhile, and tells only whole milliseconds.
  nowNs += 1_500_000;
  nowMs += 1;
  expect(dated()).toBe(START_MS + 1.75);
});

test("a visit after the clock was set, or the machine slept, is dated by the time of day", () => {
  nowMs += 3_600_000;
  expect(dated()).toBe(START_MS + 3_600_000);
  nowMs -= 7_200_000;
  expect(dated()).toBe(START_MS - 3_600_000);
});

test("a visit is dated rightly where the thread was put aside between a look at the one clock and at the other", () => {
  putAsideMs = 40;
  expect(dated()).toBe(START_MS);
  expect(dated()).toBe(START_MS + 40);
});
