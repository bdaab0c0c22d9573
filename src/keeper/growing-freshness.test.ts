import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  digestOf,
  entryOf,
  isGrowing,
  KeeperBench,
  type KeeperOptions,
  patternBytes,
  statusOf,
} from "../../test/support/keeper-bench.ts";
import { Progress } from "./progress.ts";
import type { Lookup } from "./protocol.ts";

const BYTES = 200 * 1024;
const TTL_MS = 10_000;
/** Where the part of a body begins in front of which it is held. */
const LAST_PART = 12 * 16 * 1024;
const OLD = patternBytes(BYTES, 1);
const NEW = patternBytes(BYTES, 2);

let bench: KeeperBench;
beforeEach(() => {
  bench = new KeeperBench();
});
afterEach(() => bench.remove());

/** Resolves when the fill an answer follows has ended, with how; its client leaves then, unless it stays. */
async function ended(lookup: Lookup, isLeaving = true): Promise<string> {
  if (!isGrowing(lookup)) throw new Error(`Not arriving but ${statusOf(lookup)}`);
  const progress = new Progress(lookup.entry.content.body.progress);
  for (let { mark } = progress; progress.state === "arriving"; { mark } = progress)
    await progress.changedSince(mark);
  if (isLeaving) progress.leave();
  return progress.state;
}

describe("a large object that is still arriving", () => {
  test("is followed while it is fresh, without another question", async () => {
    const keeper = bench.start({ ttlMs: TTL_MS });
    bench.origin.put("a", OLD, { etag: '"1"' });
    const hold = bench.origin.holdBodies();
    const first = await keeper.lookup("a");
    bench.nowMs += TTL_MS - 1;
    const second = await keeper.lookup("a");
    expect([first, second].map(statusOf)).toEqual(["miss", "collapsed"]);
    expect(entryOf(second).generation).toBe(entryOf(first).generation);
    hold.release();
    expect(await Promise.all([ended(first), ended(second)])).toEqual(["whole", "whole"]);
    expect(bench.origin.askedWith).toEqual([undefined]);
  });
  test.each([
    { title: "with no-cache", cacheControl: "no-cache", laterMs: 0 },
    { title: "whose time has passed meanwhile", cacheControl: "max-age=10", laterMs: TTL_MS },
  ])(
    "$title is asked about first, and followed on where it is still right",
    async ({ cacheControl, laterMs }) => {
      const keeper = bench.start({ ttlMs: TTL_MS });
      bench.origin.put("a", OLD, { etag: '"1"', cacheControl });
      const hold = bench.origin.holdBodies();
      const first = await keeper.lookup("a");
      bench.nowMs += laterMs;
      const second = await keeper.lookup("a");
      expect([first, second].map(statusOf)).toEqual(["miss", "revalidated"]);
      expect(entryOf(second)).toMatchObject({
        generation: entryOf(first).generation,
        storedAtMs: bench.nowMs,
      });
      expect(bench.origin.askedWith).toEqual([undefined, { etag: '"1"', cacheControl }]);
      hold.release();
      expect(await Promise.all([ended(first), ended(second)])).toEqual(["whole", "whole"]);
      // What is stored counts from S3's last word.
      expect(
        (await keeper.lookup("a")).kind === "entry" && entryOf(await keeper.lookup("a")).storedAtMs,
      ).toBe(bench.nowMs);
    },
  );
  test("and has been replaced at S3 is not followed on, nor kept when it ends after the new one", async () => {
    const keeper = bench.start({ ttlMs: TTL_MS });
    bench.origin.put("a", OLD, { etag: '"1"' });
    const hold = bench.origin.holdBodies();
    const first = await keeper.lookup("a");
    await hold.arrived;
    bench.nowMs += TTL_MS;
    bench.origin.put("a", NEW, { etag: '"2"' });
    const second = await keeper.lookup("a");
    expect(statusOf(second)).toBe("expired");
    expect(entryOf(second).generation).not.toBe(entryOf(first).generation);
    hold.release();
    expect(await Promise.all([ended(first), ended(second)])).toEqual(["whole", "whole"]);
    const kept = await bench.whole(keeper, "a");
    expect(entryOf(kept).content).toMatchObject({ head: { etag: '"2"' } });
    await keeper.settle();
    expect(bench.files()).toHaveLength(1);
    expect(digestOf(new Uint8Array(await Bun.file(bench.files()[0]!).slice(0, BYTES).arrayBuffer()))).toBe(
      digestOf(NEW),
    );
  });

  describe("and breaks off while S3 is asked about it", () => {
    /** An object whose fill breaks off in the moment in which S3 is asked whether it is still right. */
    async function startLost(options: KeeperOptions) {
      const keeper = bench.start({ ttlMs: TTL_MS, ...options });
      bench.origin.put("a", OLD, { etag: '"1"' }, { cutAt: LAST_PART });
      const bodies = bench.origin.holdBodies();
      const first = await keeper.lookup("a");
      bench.nowMs += TTL_MS;
      const answers = bench.origin.hold();
      const second = keeper.lookup("a");
      await answers.arrived;
      bodies.release();
      return { answers, second, state: ended(first, false) };
    }

    test("is asked for as a whole, and the answer's file isn't that of the broken one", async () => {
      const { answers, second, state } = await startLost({});
      expect(await state).toBe("failed");
      bench.origin.put("a", OLD, { etag: '"1"' });
      answers.release();
      expect(statusOf(await second)).toBe("expired");
      expect(bench.origin.askedWith).toEqual([undefined, { etag: '"1"' }, undefined]);
      expect(await ended(await second)).toBe("whole");
    });
    test("is no stale copy to fall back on", async () => {
      const { answers, second, state } = await startLost({ staleIfErrorMs: TTL_MS });
      expect(await state).toBe("failed");
      const failure = { code: "origin-busy", reason: "SlowDown" } as const;
      bench.origin.answer("a", { kind: "failed", failure });
      answers.release();
      expect(await second).toEqual({ kind: "failed", failure });
    });
  });
});
