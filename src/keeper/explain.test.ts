import { afterEach, beforeEach, expect, test } from "bun:test";
import { readdirSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { entryOf, KeeperBench } from "../../test/support/keeper-bench.ts";

let bench: KeeperBench;
beforeEach(() => {
  bench = new KeeperBench();
});
afterEach(() => bench.remove());

test("an explanation is no use of a key: what nobody asks for goes as before", async () => {
  const keeper = bench.start({ memoryBytes: 4_000, hasDisk: false });
  bench.origin.put("first", "x".repeat(700));
  bench.origin.put("second", "x".repeat(700));
  bench.origin.put("third", "x".repeat(700));
  await keeper.lookup("first");
  await keeper.lookup("second");
  await keeper.explain("first");
  await keeper.lookup("third");
  expect((await keeper.explain("first")).content).toBe("unknown");
  expect((await keeper.explain("second")).content).toBe("object");
});

test("a damaged file is told as lost, and left to whoever asks for the object", async () => {
  const first = bench.start();
  bench.origin.put("a", "body of a");
  await first.lookup("a");
  await first.settle();
  const second = bench.start();
  await second.index();
  const [name = ""] = readdirSync(bench.directory);
  truncateSync(join(bench.directory, name), 20);
  expect(await second.explain("a")).toMatchObject({ content: "unknown", disk: "lost" });
  expect(readdirSync(bench.directory)).toEqual([name]);
});

test("what only its file describes has the times of its last confirmation, and isn't described by looking", async () => {
  const first = bench.start({ ttlMs: 60_000 });
  bench.origin.put("a", "body of a", { etag: '"a"' });
  await first.lookup("a");
  await first.settle();
  const { storedAtMs, freshUntilMs } = entryOf(await first.lookup("a"));
  const second = bench.start({ ttlMs: 60_000 });
  for (const isIndexed of [false, true]) {
    if (isIndexed) await second.index();
    const facts = await second.explain("a");
    expect(facts).toMatchObject({ content: "object", memory: "none", disk: "whole" });
    expect(facts.freshness).toMatchObject({ storedAtMs, freshUntilMs });
  }
  expect(bench.origin.asked).toEqual(["a"]);
});

test("a question that is under way is told, and the answer of the one before", async () => {
  const keeper = bench.start();
  bench.origin.answer("a", { kind: "missing", said: { status: 404, code: "NoSuchKey" } });
  const hold = bench.origin.hold();
  const asked = keeper.lookup("a");
  await hold.arrived;
  expect(await keeper.explain("a")).toMatchObject({ content: "unknown", isBeingAsked: true });
  bench.nowMs += 12;
  hold.release();
  await asked;
  expect(await keeper.explain("a")).toMatchObject({
    content: "missing",
    isBeingAsked: false,
    lastAnswer: { result: "missing", tookMs: 12, said: { status: 404, code: "NoSuchKey" } },
  });
});
