import { describe, expect, test } from "bun:test";
import type { FetchedAhead } from "../keeper/fetch-ahead.ts";
import { LookAhead } from "./look-ahead.ts";
import { Crew } from "./warm-crew.ts";

const STORED: FetchedAhead = { kind: "stored", bodyBytes: 1, isUnchanged: false };
const failed = (code: "origin-busy" | "origin-refused" | "origin-unreadable"): FetchedAhead => ({
  kind: "failed",
  code,
  reason: code,
});

async function* listOf(...keys: string[]) {
  yield* keys;
}

/** Lets a crew of one work, and gives what became of each key, with how often it was asked for. */
async function workOf(keys: string[], answers: Record<string, FetchedAhead[]>) {
  const results: string[] = [];
  const asked: string[] = [];
  const ends: boolean[] = [];
  const crew = new Crew({
    fetch: async (key) => {
      asked.push(key);
      return answers[key]?.shift() ?? STORED;
    },
    pace: { begin: async () => {}, end: (isWell) => void ends.push(isWell) },
    onResult: (key, result) => results.push(`${key} ${result.kind}`),
  });
  await crew.work(new LookAhead(listOf(...keys)), 1);
  return { results, asked, ends, crew };
}
const times = (count: number, answer: FetchedAhead) => Array.from({ length: count }, () => answer);

describe("a crew", () => {
  test("tries again what fails, and tells the pace", async () => {
    const { results, asked, ends } = await workOf(["a", "b"], { a: times(2, failed("origin-busy")) });
    expect(asked).toEqual(["a", "a", "a", "b"]);
    expect(ends).toEqual([false, false, true, true]);
    expect(results).toEqual(["a stored", "b stored"]);
  });
  test("gives a key up after seven tries, and everything after three keys in a row", async () => {
    const answers = Object.fromEntries(
      ["a", "c", "d", "e"].map((key) => [key, times(9, failed("origin-busy"))]),
    );
    const { results, asked, crew } = await workOf(["a", "b", "c", "d", "e", "f"], answers);
    expect(asked.filter((key) => key === "a")).toHaveLength(7);
    expect(results).toEqual(["a failed", "b stored", "c failed", "d failed", "e failed"]);
    expect([crew.hasGivenUp, crew.ended]).toEqual([
      true,
      "Given up, S3 fails (origin-busy); a later run goes on from here",
    ]);
  });
  test("gives up at once where S3 refuses the credentials", async () => {
    const { results, asked, crew } = await workOf(["a", "b"], { a: [failed("origin-refused")] });
    expect([asked, results, crew.hasGivenUp]).toEqual([["a"], ["a failed"], true]);
  });
  test("goes on past any number of objects that can't be read", async () => {
    const keys = ["a", "b", "c", "d", "e"];
    const answers = Object.fromEntries(keys.slice(0, 4).map((key) => [key, [failed("origin-unreadable")]]));
    const { results, crew } = await workOf(keys, answers);
    expect(results).toEqual(["a failed", "b failed", "c failed", "d failed", "e stored"]);
    expect(crew.ended).toBeUndefined();
  });
  test("has several keys under way at once, and begins none after its end", async () => {
    const gates: (() => void)[] = [];
    const crew: Crew = new Crew({
      fetch: () => new Promise((resolve) => gates.push(() => resolve(STORED))),
      pace: { begin: async () => {}, end: () => {} },
      onResult: () => crew.end("Stopped"),
    });
    const work = crew.work(new LookAhead(listOf("a", "b", "c", "d", "e")), 3);
    while (gates.length < 3) await Bun.sleep(1);
    for (const open of gates.splice(0)) open();
    await work;
    expect([gates.length, crew.ended]).toEqual([0, "Stopped"]);
  });
});

describe("LookAhead", () => {
  test("gives every item in its order, and says how many there are", async () => {
    const items = new LookAhead(listOf("a", "b", "c"));
    expect([await items.take(), await items.take(), await items.take(), await items.take()]).toEqual([
      "a",
      "b",
      "c",
      undefined,
    ]);
    expect([items.known, items.isComplete]).toEqual([3, true]);
  });
  test("reads no further ahead than it may", async () => {
    let read = 0;
    async function* many() {
      for (; read < 1_000; read++) yield read;
    }
    const items = new LookAhead(many(), 10);
    await Bun.sleep(0);
    expect(read).toBe(9);
    for (let count = 0; count < 1_000; count++) expect(await items.take()).toBe(count);
    expect(await items.take()).toBeUndefined();
  });
  test("fails as its source does, after what came before", async () => {
    async function* broken() {
      yield "a";
      throw new Error("No more");
    }
    const items = new LookAhead(broken());
    expect(await items.take()).toBe("a");
    expect(items.take()).rejects.toThrow("No more");
  });
});
