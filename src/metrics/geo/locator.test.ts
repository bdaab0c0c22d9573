import { beforeEach, describe, expect, test } from "bun:test";
import { createLog } from "../../log/log.ts";
import { Locator } from "./locator.ts";
import type { Location } from "./source.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const PLACE = { city: "Boxford" };

let nowMs: number;
let lines: string[];
let asked: string[];
/** Answers the oldest query that waits. */
let answers: PromiseWithResolvers<Location | undefined>[];
let locator: Locator;

beforeEach(() => {
  nowMs = 1_000_000;
  lines = [];
  asked = [];
  answers = [];
  locator = new Locator({
    source: {
      lookup(address) {
        asked.push(address);
        const answer = Promise.withResolvers<Location | undefined>();
        answers.push(answer);
        return answer.promise;
      },
      close() {},
    },
    log: createLog(
      "info",
      (line) => lines.push(line.slice(25)),
      () => nowMs,
    ),
    nowMs: () => nowMs,
    random: () => 0.5,
  });
});

async function located(address: string, answer: Location | undefined): Promise<Location | undefined> {
  const locating = locator.locate(address);
  answers.shift()?.resolve(answer);
  return locating;
}

async function failed(address: string): Promise<void> {
  const locating = locator.locate(address);
  answers.shift()?.reject(new Error("It is down"));
  expect(await locating).toBeUndefined();
}

test("a place is asked for once a day", async () => {
  expect(await located("1.1.1.1", PLACE)).toEqual(PLACE);
  nowMs += DAY_MS - 1;
  expect(locator.locate("1.1.1.1")).toEqual(PLACE);
  nowMs += 1;
  expect(locator.locate("1.1.1.1")).toBeInstanceOf(Promise);
  expect(asked).toEqual(["1.1.1.1", "1.1.1.1"]);
});

test("that an address isn't known is remembered as well", async () => {
  expect(await located("1.1.1.1", undefined)).toBeUndefined();
  expect(locator.locate("1.1.1.1")).toBeUndefined();
  expect(asked).toEqual(["1.1.1.1"]);
});

test("there is one query at a time for an address", async () => {
  const all = [locator.locate("1.1.1.1"), locator.locate("1.1.1.1"), locator.locate("2.2.2.2")];
  expect(asked).toEqual(["1.1.1.1", "2.2.2.2"]);
  for (const answer of answers) answer.resolve(PLACE);
  expect(await Promise.all(all)).toEqual([PLACE, PLACE, PLACE]);
});

test("the addresses that are remembered are bounded, the oldest go", async () => {
  const address = (index: number) => `1.${(index >> 8) & 255}.${index & 255}.1`;
  for (let index = 0; index <= 50_000; index++) await located(address(index), PLACE);
  const before = asked.length;
  expect(locator.locate(address(0))).toBeInstanceOf(Promise);
  expect(locator.locate(address(1_000))).toEqual(PLACE);
  expect(asked.length).toBe(before + 1);
});

test.each([
  "10.1.2.3",
  "127.0.0.1",
  "192.168.1.1",
  "172.16.0.1",
  "169.254.1.1",
  "100.64.0.1",
  "0.0.0.0",
  "224.0.0.1",
  "::1",
  "fe80::1",
  "fd00::1",
  "::",
  "",
  "not an address",
])("%p has no place and isn't asked about", (address) => {
  expect(locator.locate(address)).toBeUndefined();
  expect(asked).toEqual([]);
});

describe("a source that fails", () => {
  test("costs the place, and isn't asked for a while that grows", async () => {
    await failed("1.1.1.1");
    expect(locator.locate("2.2.2.2")).toBeUndefined();
    nowMs += 375;
    await failed("1.1.1.1");
    nowMs += 375;
    expect(locator.locate("2.2.2.2")).toBeUndefined();
    nowMs += 375;
    await failed("2.2.2.2");
    expect(asked).toEqual(["1.1.1.1", "1.1.1.1", "2.2.2.2"]);
  });
  test("is said once, and once that it is well again", async () => {
    await failed("1.1.1.1");
    nowMs += DAY_MS;
    await failed("1.1.1.1");
    nowMs += DAY_MS;
    await located("1.1.1.1", PLACE);
    expect(lines).toEqual([
      'warn     Visits can\'t be located reason="It is down"',
      "info     Visits are located again",
    ]);
  });
  test("is not taken to have failed more often than it did, by queries that were under way together", async () => {
    const all = ["1.1.1.1", "2.2.2.2", "3.3.3.3"].map((address) => locator.locate(address));
    for (const answer of answers.splice(0)) answer.reject(new Error("It is down"));
    await Promise.all(all);
    nowMs += 375;
    expect(locator.locate("1.1.1.1")).toBeInstanceOf(Promise);
  });
  test("doesn't take away what is known", async () => {
    await located("1.1.1.1", PLACE);
    await failed("2.2.2.2");
    expect(locator.locate("1.1.1.1")).toEqual(PLACE);
  });
});
