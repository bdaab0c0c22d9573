import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { bodyDigest, digestOf, entryOf, KeeperBench, patternBytes } from "../../test/support/keeper-bench.ts";
import { until } from "../../test/support/site.ts";
import type { Keeper } from "./keeper.ts";
import type { ObjectEntry } from "./protocol.ts";
import { RAISED_MOST_BYTES, Raiser } from "./raiser.ts";

const KIB = 1024;

function objectOf(key: string, bodyBytes: number): ObjectEntry {
  const content = {
    kind: "object",
    head: {},
    bodyBytes,
    body: { kind: "file", path: key, isChecked: true },
  } as const;
  return { key, generation: 1, useIndex: 0, content, storedAtMs: 0, freshUntilMs: 1, expiresAtMs: 1 };
}

describe("a raiser", () => {
  test("reads one after the other, each once, with a pause between", async () => {
    const events: string[] = [];
    const ends: (() => void)[] = [];
    const raiser = new Raiser({
      raise: ({ key }) => {
        events.push(key);
        return new Promise((resolve) => ends.push(resolve));
      },
      pause: async (ms) => events.push(`${ms} ms`),
    });
    for (const key of ["a", "b", "b", "c"]) raiser.consider(objectOf(key, 100 * KIB));
    expect(events).toEqual(["a"]);
    for (let ended = 0; ended < 3; ended++) {
      await until(() => ends.length > ended);
      ends[ended]!();
    }
    await until(() => events.length === 6);
    expect(events).toEqual(["a", "5 ms", "b", "5 ms", "c", "5 ms"]);
    raiser.consider(objectOf("d", 1));
    await until(() => events.at(-1) === "d");
  });

  test.each([
    ["larger than that", objectOf("a", RAISED_MOST_BYTES + 1), 0],
    ["as large", objectOf("a", RAISED_MOST_BYTES), 1],
  ])("considers a body in a file that is %s", (_what, entry, count) => {
    let raised = 0;
    const raiser = new Raiser({ raise: async () => void raised++ });
    raiser.consider(entry);
    expect(raised).toBe(count);
  });

  test("lets no more than 1,024 wait", async () => {
    const keys: string[] = [];
    const { promise: isFull, resolve } = Promise.withResolvers<void>();
    const raiser = new Raiser({
      raise: ({ key }) => isFull.then(() => void keys.push(key)),
      pause: async () => {},
    });
    for (let index = 0; index < 1_030; index++) raiser.consider(objectOf(`${index}`, 1));
    resolve();
    await until(() => keys.length === 1_025);
    expect(keys.at(-1)).toBe("1024");
  });
});

describe("an object of middle size", () => {
  let bench: KeeperBench;
  let keeper: Keeper;
  beforeEach(() => {
    bench = new KeeperBench();
    keeper = bench.start();
  });
  afterEach(async () => {
    await keeper.settle();
    bench.remove();
  });
  const bodyKind = (lookup: Awaited<ReturnType<Keeper["lookup"]>>) => {
    const { content } = entryOf(lookup);
    return content.kind === "object" ? content.body.kind : content.kind;
  };

  test.each([
    ["comes into memory when it is asked for again, and edges ask anew", 100 * KIB, "memory"],
    ["of more than 256 KiB stays in its file", 300 * KIB, "file"],
  ] as const)("%s", async (_what, bytes, kind) => {
    const body = patternBytes(bytes);
    bench.origin.put("a", body, { etag: '"1"' });
    await bench.whole(keeper, "a");
    bench.dropped.length = 0;
    expect(bodyKind(await keeper.lookup("a"))).toBe("file");
    if (kind === "memory") await until(() => bench.dropped.includes("a"));
    const again = await keeper.lookup("a");
    expect(bodyKind(again)).toBe(kind);
    expect(bodyDigest(again)).toBe(digestOf(body));
  });

  test("that was cleared and came anew while its file was read is not taken for the old one", async () => {
    bench.origin.put("a", patternBytes(100 * KIB, 1), { etag: '"1"' });
    await bench.whole(keeper, "a");
    const asked = keeper.lookup("a");
    await keeper.clear();
    const body = patternBytes(100 * KIB, 2);
    bench.origin.put("a", body, { etag: '"2"' });
    await asked;
    await bench.whole(keeper, "a");
    bench.dropped.length = 0;
    await keeper.lookup("a");
    await until(() => bench.dropped.includes("a"));
    expect(bodyDigest(await keeper.lookup("a"))).toBe(digestOf(body));
  });
});
