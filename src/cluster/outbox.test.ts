import { describe, expect, test } from "bun:test";
import { Outbox } from "./outbox.ts";

const scopeOf = (key: string) => ({ kind: "keys", keys: [key] }) as const;

describe("clears", () => {
  test("are said in their order, and stay until they have been", async () => {
    const outbox = new Outbox();
    const told: string[] = [];
    for (const key of ["a", "b"]) void outbox.addClear(scopeOf(key)).then(() => told.push(key));
    const first = outbox.nextClear()!;
    expect([first.scope, outbox.nextClear(), outbox.waiting.clears]).toEqual([scopeOf("a"), first, 2]);
    outbox.endClear(first);
    await Promise.resolve();
    expect([told, outbox.nextClear()?.scope, outbox.waiting.clears]).toEqual([["a"], scopeOf("b"), 1]);
  });
  test("beyond a thousand are one of everything, with which all of them have been said", async () => {
    const outbox = new Outbox();
    const sent = outbox.addClear(scopeOf("first"));
    const onItsWay = outbox.nextClear()!;
    const told = Array.from({ length: 1_000 }, (_, at) => outbox.addClear(scopeOf(String(at))));
    expect([outbox.waiting.clears, outbox.nextClear()?.scope]).toEqual([1, undefined]);
    // The one that was being said when it took its place is over, and the rest still to be said.
    outbox.endClear(onItsWay);
    await sent;
    expect(outbox.waiting.clears).toBe(1);
    outbox.endClear(outbox.nextClear()!);
    await Promise.all(told);
    expect(outbox.isEmpty).toBe(true);
  });
});

describe("versions", () => {
  test("are taken by the hundred, oldest first", () => {
    const outbox = new Outbox();
    for (let at = 0; at < 150; at++) outbox.addVersion({ key: String(at), version: "v" });
    expect(outbox.takeVersions().map(({ key }) => Number(key))).toEqual(
      Array.from({ length: 100 }, (_, at) => at),
    );
    expect(outbox.takeVersions()).toHaveLength(50);
    expect(outbox.isEmpty).toBe(true);
  });
  test("of one key are one, the newest", () => {
    const outbox = new Outbox();
    for (const version of ["1", undefined]) outbox.addVersion({ key: "a", version });
    expect(outbox.takeVersions()).toEqual([{ key: "a", version: undefined }]);
  });
  test("beyond ten thousand take the place of the oldest, of which some go at once and are counted", () => {
    const outbox = new Outbox();
    for (let at = 0; at < 10_003; at++) outbox.addVersion({ key: String(at), version: "v" });
    outbox.addVersion({ key: "10002", version: "w" });
    const { dropped } = outbox;
    expect(dropped).toBeGreaterThanOrEqual(3);
    expect(dropped).toBeLessThan(200);
    expect(outbox.waiting.versions).toBe(10_003 - dropped);
    expect(outbox.takeVersions()[0]?.key).toBe(String(dropped));
  });
});

test("whoever waits for something is told of it, and at once where there is something", async () => {
  const outbox = new Outbox();
  const filled = outbox.filled();
  outbox.addVersion({ key: "a", version: "v" });
  await filled;
  await outbox.filled();
  outbox.takeVersions();
  const woken = outbox.filled();
  outbox.wake();
  await woken;
});
