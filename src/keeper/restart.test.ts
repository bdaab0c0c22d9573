import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import {
  bodyDigest,
  digestOf,
  entryOf,
  KeeperBench,
  patternBytes,
  statusOf,
  textOf,
} from "../../test/support/keeper-bench.ts";

const LARGE = 200 * 1024;
const SMALL = 1000;
let bench: KeeperBench;
beforeEach(() => {
  bench = new KeeperBench();
});
afterEach(() => bench.remove());

async function store(key: string, body: Uint8Array): Promise<string> {
  const known = new Set(bench.files());
  const keeper = bench.start();
  bench.origin.put(key, body, { etag: '"v1"', contentType: "text/x" });
  await keeper.lookup(key);
  await keeper.settle();
  const [path] = bench.files().filter((file) => !known.has(file));
  return path!;
}

function flipBit(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
}

describe.each([
  { title: "small", bytes: SMALL },
  { title: "large", bytes: LARGE },
])("a $title body", ({ bytes }) => {
  const body = patternBytes(bytes);
  const newBody = patternBytes(bytes, 99);

  test("is in one file named for a SHA-256, which begins with the body", async () => {
    const path = await store("a/ü b.txt", body);
    expect(bench.files()).toEqual([path]);
    expect(basename(path)).toMatch(/^[0-9a-f]{64}$/);
    expect(digestOf(readFileSync(path).subarray(0, bytes))).toBe(digestOf(body));
  });
  test.each(["before", "after"] as const)(
    "is there after a restart, %s the directory was read",
    async (when) => {
      const storedAtMs = bench.nowMs;
      await store("a", body);
      const keeper = bench.start();
      if (when === "after") await keeper.index();
      bench.nowMs += 299_999;
      const answer = await keeper.lookup("a");
      expect([statusOf(answer), bodyDigest(answer)]).toEqual(["hit", digestOf(body)]);
      const entry = entryOf(answer);
      expect(entry).toMatchObject({ key: "a", storedAtMs, freshUntilMs: storedAtMs + 300_000 });
      expect(entry.content).toMatchObject({ head: { etag: '"v1"', contentType: "text/x" } });
      expect(bench.origin.asked).toEqual(["a"]);
    },
  );
  test("that is no longer fresh after a restart is asked about", async () => {
    await store("a", body);
    bench.nowMs += 300_000;
    expect(statusOf(await bench.start().lookup("a"))).toBe("revalidated");
  });
  test.each([
    { title: "body", at: () => 10 },
    { title: "metadata", at: () => bytes + 10 },
    { title: "footer", at: (length: number) => length - 20 },
  ])("with a flipped bit in its $title is fetched again, never served", async ({ at }) => {
    const path = await store("a", body);
    flipBit(path, at(readFileSync(path).length));
    bench.origin.put("a", newBody);
    const keeper = bench.start();
    expect(bodyDigest(await bench.whole(keeper, "a"))).toBe(digestOf(newBody));
    await keeper.settle();
    expect(bodyDigest(await bench.start().lookup("a"))).toBe(digestOf(newBody));
  });
  test.each([0, 1, 31, 32, 33, bytes - 1, bytes, bytes + 1])(
    "whose file was cut off after %d bytes is fetched again, never served",
    async (length) => {
      const path = await store("a", body);
      truncateSync(path, length);
      bench.origin.put("a", newBody);
      expect(bodyDigest(await bench.whole(bench.start(), "a"))).toBe(digestOf(newBody));
    },
  );
  test("whose file has another key's name is never served for that", async () => {
    const path = await store("a", body);
    const other = await store("b", newBody);
    writeFileSync(other, readFileSync(path));
    for (const isIndexed of [false, true]) {
      const keeper = bench.start();
      if (isIndexed) await keeper.index();
      expect(bodyDigest(await bench.whole(keeper, "b"))).toBe(digestOf(newBody));
      await keeper.settle();
      writeFileSync(other, readFileSync(path));
    }
  });
  test("whose file was deleted under it is fetched again", async () => {
    const path = await store("a", body);
    const restarted = bench.start();
    await restarted.index();
    rmSync(path);
    const answer = await bench.whole(restarted, "a");
    expect(statusOf(answer)).toBe("miss");
    expect(bodyDigest(answer)).toBe(digestOf(body));
    expect(bench.origin.asked).toEqual(["a", "a"]);
  });
});

test("reading the directory changes nothing of what is known already", async () => {
  await store("stored", patternBytes(SMALL));
  await store("other", patternBytes(SMALL));
  const keeper = bench.start();
  const { generation } = entryOf(await keeper.lookup("stored"));
  await keeper.index();
  const again = keeper.lookup("stored");
  expect(again).not.toBeInstanceOf(Promise);
  expect(entryOf(await again).generation).toBe(generation);
  expect(statusOf(await keeper.lookup("other"))).toBe("hit");
});

test("an entry that the edge could not open is asked for once by all, and not twice for the same complaint", async () => {
  const path = await store("a", patternBytes(LARGE));
  const keeper = bench.start();
  const { generation } = entryOf(await keeper.lookup("a"));
  rmSync(path);
  const answers = await Promise.all([keeper.lookup("a", generation), keeper.lookup("a", generation)]);
  await bench.whole(keeper, "a");
  const late = await keeper.lookup("a", generation);
  expect(answers.map(statusOf)).toEqual(["miss", "collapsed"]);
  expect(statusOf(late)).toBe("hit");
  expect(bench.origin.asked).toHaveLength(2);
});

test("what another run left half written is removed, and other people's files are left alone", async () => {
  await store("a", patternBytes(SMALL));
  writeFileSync(`${bench.directory}/0000-1.draft`, "half");
  writeFileSync(`${bench.directory}/${"0".repeat(64)}`, "no frame at all");
  writeFileSync(`${bench.directory}/readme.txt`, "mine");
  const keeper = bench.start();
  await keeper.index();
  expect(
    bench
      .files()
      .map((path) => basename(path))
      .sort(),
  ).toHaveLength(2);
  expect(bench.files().map((path) => basename(path))).toContain("readme.txt");
  await keeper.clear();
  expect(bench.files().map((path) => basename(path))).toEqual(["readme.txt"]);
});

test("a directory that vanishes is made again", async () => {
  const keeper = bench.start();
  bench.remove();
  bench.origin.put("a", "one");
  bench.origin.put("big", patternBytes(LARGE));
  expect(textOf(await keeper.lookup("a"))).toBe("one");
  expect(bodyDigest(await bench.whole(keeper, "big"))).toBe(digestOf(patternBytes(LARGE)));
  await keeper.settle();
  expect(bench.files()).toHaveLength(2);
});

test("a directory that can't be written does not end the serving, and is one warning", async () => {
  const keeper = bench.start();
  bench.blockDirectory();
  bench.origin.put("a", "one");
  expect(textOf(await keeper.lookup("a"))).toBe("one");
  await keeper.settle();
  expect(statusOf(await keeper.lookup("a"))).toBe("hit");
  bench.origin.put("big", patternBytes(LARGE));
  expect(statusOf(await keeper.lookup("big"))).toBe("pass");
  expect(bench.lines.filter((line) => line.includes(" warn "))).toHaveLength(1);
});
