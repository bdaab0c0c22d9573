import { expect, test } from "bun:test";
import { createAccessLog } from "./access-log.ts";
import { Exchange } from "./exchange.ts";

const CLOCK_STARTED_MS = Date.UTC(2026, 0, 31, 12);
const MS_IN_NS = 1_000_000;
const REQUEST = new Request("http://site.example/page", { headers: { "user-agent": "browser" } });
const RESPONSE = new Response();

/** An access log whose clocks stand where `atMs` says, and what it handed on. */
function bench(isAnonymous = false) {
  const handedOn: string[] = [];
  const clock = { atMs: 0 };
  const log = createAccessLog({
    form: "json",
    isAnonymous,
    writeAccess: (lines) => handedOn.push(lines),
    nowNs: () => clock.atMs * MS_IN_NS,
    nowMs: () => CLOCK_STARTED_MS + clock.atMs,
  });
  /** An answer that took 5 ms and is over now. */
  const see = () => {
    const exchange = new Exchange(REQUEST, "192.0.2.1", (clock.atMs - 5) * MS_IN_NS);
    log.see(Object.assign(exchange, { timeNs: 5 * MS_IN_NS, resource: "/page", status: 200 }), RESPONSE);
  };
  return { handedOn, clock, see, log };
}

test("each line has the time when its answer was over, however much later it is made", () => {
  const { handedOn, clock, see, log } = bench();
  for (const atMs of [10, 11, 2_500]) {
    clock.atMs = atMs;
    see();
  }
  clock.atMs = 60_000;
  log.flush();
  const lines = handedOn.join("\n").split("\n");
  expect(lines.map((line) => (JSON.parse(line) as { time: string }).time)).toEqual([
    "2026-01-31T12:00:00.010Z",
    "2026-01-31T12:00:00.011Z",
    "2026-01-31T12:00:02.500Z",
  ]);
});

test("256 lines are handed on at once, what is left by a flush, and each line once", () => {
  const { handedOn, see, log } = bench();
  for (let seen = 0; seen < 600; seen++) see();
  expect(handedOn.map((lines) => lines.split("\n").length)).toEqual([256, 256]);
  log.flush();
  log.flush();
  expect(handedOn.map((lines) => lines.split("\n").length)).toEqual([256, 256, 88]);
});

test("addresses are anonymous where that is wanted", () => {
  const { handedOn, see, log } = bench(true);
  see();
  log.flush();
  expect(handedOn[0]).toContain('"client":"192.0.2.0"');
});
