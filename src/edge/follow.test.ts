import { afterEach, describe, expect, spyOn, test } from "bun:test";
import { FollowBench, type Followed } from "../../test/support/follow-bench.ts";
import { digestOf } from "../../test/support/keeper-bench.ts";
import { isSettled, turns } from "../../test/support/turns.ts";
import { Progress } from "../keeper/progress.ts";
import { giveSeatBack } from "./follow.ts";

const KIB = 1024;
const BODY = 300 * KIB;
const SHORT = 64 * KIB;

const benches: FollowBench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.remove();
});

function start(bodyBytes = BODY): FollowBench {
  const bench = new FollowBench(bodyBytes);
  benches.push(bench);
  return bench;
}

function expectBytes(
  bench: FollowBench,
  followed: Followed,
  kind: Followed["kind"],
  first: number,
  end: number,
): void {
  expect(followed.kind).toBe(kind);
  const bytes = followed.kind === "none" ? new Uint8Array() : followed.bytes;
  expect(digestOf(bytes)).toBe(digestOf(bench.bytes.subarray(first, end)));
}

/** The answer, where it must be a stream. */
async function streamOf(
  bench: FollowBench,
  first: number,
  last: number,
  client = new AbortController().signal,
) {
  const answer = await bench.follow(first, last).begin(client);
  if (!(answer instanceof ReadableStream)) throw new Error("Not a stream");
  return answer.getReader();
}

describe("a body that is arriving", () => {
  test("is read by several at once, each as far as it has come, and ends for all when it is known to be whole", async () => {
    const bench = start();
    const all = [0, 0, 0].map(() => bench.take(0, BODY - 1));
    const late = bench.take(100 * KIB, BODY - 2);
    expect(bench.seats).toBe(4);
    for (const until of [1, 10 * KIB, 150 * KIB, BODY]) {
      bench.write(until);
      await turns();
    }
    expectBytes(bench, await late, "ended", 100 * KIB, BODY - 1);
    // The whole of it isn't told to be the whole before the keeper knows that.
    expect(await isSettled(Promise.race(all))).toBe(false);
    bench.progress.end("whole");
    for (const followed of await Promise.all(all)) expectBytes(bench, followed, "ended", 0, BODY);
    expect([bench.seats, bench.sought]).toEqual([0, []]);
  });
  test.each([
    ["of one byte", 70 * KIB, 1],
    ["of 64 KiB", 70 * KIB, SHORT],
    ["of 64 KiB from the start", 0, SHORT],
  ])("gives a run %s in one piece, once all of it is there", async (_, first, length) => {
    const bench = start();
    const run = bench.take(first, first + length - 1);
    bench.write(first + length - 1);
    expect(await isSettled(run)).toBe(false);
    bench.write(first + length);
    expectBytes(bench, await run, "run", first, first + length);
    expect(bench.seats).toBe(0);
  });
  test("streams a run of more than 64 KiB from its first byte on, in pieces of 64 KiB at most", async () => {
    const bench = start();
    const begun = streamOf(bench, 10, 10 + SHORT);
    expect(await isSettled(begun)).toBe(false);
    bench.write(11);
    const reader = await begun;
    expect((await reader.read()).value).toHaveLength(1);
    bench.write(BODY);
    expect((await reader.read()).value).toHaveLength(SHORT);
    expect(await reader.read()).toMatchObject({ done: true });
    expect(bench.seats).toBe(0);
  });
  test("is read no further than the client takes it", async () => {
    const bench = start();
    bench.write(BODY);
    const reader = await streamOf(bench, 0, BODY - 1);
    await reader.read();
    await turns();
    // What is cut off now must not have been read already.
    bench.truncate(SHORT);
    expect(
      await reader.read().then(
        () => "read",
        () => "broken",
      ),
    ).toBe("broken");
    expect(bench.seats).toBe(0);
  });
  test("that ends as failed breaks off those who have had some, and gives the others nothing", async () => {
    const bench = start();
    const [some, none, short] = [
      bench.take(0, BODY - 1),
      bench.take(150 * KIB, BODY - 1),
      bench.take(150 * KIB, 151 * KIB),
    ];
    bench.write(100 * KIB);
    await turns();
    bench.progress.end("failed");
    expectBytes(bench, await some, "broken", 0, 100 * KIB);
    expect([await none, await short]).toEqual([{ kind: "none" }, { kind: "none" }]);
    expect(bench.seats).toBe(0);
  });
  test("that fails when all has come is no whole body, but a run of it is right", async () => {
    const bench = start();
    bench.write(BODY);
    bench.progress.end("failed");
    expectBytes(bench, await bench.take(0, BODY - 1), "broken", 0, BODY);
    expectBytes(bench, await bench.take(1, BODY - 1), "ended", 1, BODY);
  });
});

describe("bytes far ahead", () => {
  const LONG = 3 * KIB * KIB;
  const FAR = 2 * KIB * KIB;
  const PART = { first: FAR, last: LONG - 1 };
  test("are asked of the keeper, once, and read when they are there", async () => {
    const bench = start(LONG);
    bench.onSought = ({ first, last }) => bench.progress.open(first, last + 1);
    const run = bench.take(FAR, LONG - 1);
    await turns();
    bench.write(10 * KIB);
    await turns();
    expect(bench.sought).toEqual([PART]);
    bench.advancePart(1, LONG);
    expectBytes(bench, await run, "ended", FAR, LONG);
    expect(bench.sought).toHaveLength(1);
  });
  test("are asked for once more where nothing comes of it, and then read in their turn", async () => {
    const bench = start(LONG);
    const run = bench.take(FAR, LONG - 1);
    await turns();
    bench.write(10 * KIB);
    await turns();
    expect(bench.sought).toEqual([PART, PART]);
    bench.write(LONG);
    bench.progress.end("whole");
    expectBytes(bench, await run, "ended", FAR, LONG);
  });
  test("are asked for once more where their part breaks off before it gets there, and again further on", async () => {
    const bench = start(LONG);
    bench.onSought = ({ first, last }) => bench.progress.open(first, last + 1);
    const run = bench.take(FAR, LONG - 1);
    await turns();
    bench.cutPart(1);
    await bench.soughtParts(2);
    bench.advancePart(2, FAR + 10 * KIB);
    bench.cutPart(2);
    await bench.soughtParts(3);
    bench.cutPart(3);
    await bench.soughtParts(4);
    bench.cutPart(4);
    await turns();
    const rest = { ...PART, first: FAR + 10 * KIB };
    expect(bench.sought).toEqual([PART, PART, rest, rest]);
    bench.write(LONG);
    bench.progress.end("whole");
    expectBytes(bench, await run, "ended", FAR, LONG);
  });
  test("are not what comes between two looks at the record: it is read without asking", async () => {
    const bench = start();
    const original = Progress.prototype.readableUntil;
    // The writer's thread is faster than this one, which has seen nothing yet.
    const looked = spyOn(Progress.prototype, "readableUntil").mockImplementationOnce(function (
      this: Progress,
      position,
    ) {
      const until = original.call(this, position);
      bench.write(BODY);
      return until;
    });
    try {
      expectBytes(bench, await bench.take(10, BODY - 1), "ended", 10, BODY);
    } finally {
      looked.mockRestore();
    }
    expect(bench.sought).toEqual([]);
  });
  test("are not asked for where the transfer is about to come there", async () => {
    const bench = start(LONG);
    bench.write(10 * KIB);
    void bench.take(1000 * KIB, LONG - 1);
    await turns();
    expect(bench.sought).toEqual([]);
  });
  test("of an object that has changed can't be had from this fill", async () => {
    const bench = start(LONG);
    bench.answer = { kind: "changed" };
    expect(await bench.take(2 * KIB * KIB, LONG - 1)).toEqual({ kind: "none" });
    expect(bench.seats).toBe(0);
  });
  test("break a stream off that has begun, where the object has changed", async () => {
    const bench = start(LONG);
    bench.writePart(100 * KIB, 200 * KIB);
    bench.progress.stopAt(0, 100 * KIB);
    bench.answer = { kind: "changed" };
    expectBytes(bench, await bench.take(100 * KIB, LONG - 1), "broken", 100 * KIB, 200 * KIB);
    expect(bench.seats).toBe(0);
  });
});

describe("a client", () => {
  test.each(["short", "long"])(
    "that is gone before it begins gets nothing of a %s run, and has no seat",
    async (length) => {
      const bench = start();
      bench.write(BODY);
      const last = length === "short" ? 100 : BODY - 1;
      expect(await bench.take(0, last, AbortSignal.abort()).then(({ kind }) => kind)).not.toBe("ended");
      expect(bench.seats).toBe(0);
    },
  );
  test.each(["short", "long"])(
    "that leaves while it waits for the first byte of a %s run gives its seat back at once",
    async (length) => {
      const bench = start();
      const client = new AbortController();
      const answer = bench.take(0, length === "short" ? 100 : BODY - 1, client.signal);
      await turns();
      client.abort();
      expect(bench.seats).toBe(0);
      bench.progress.end("failed");
      expect(await answer).toEqual({ kind: "none" });
      expect(bench.seats).toBe(0);
    },
  );
  test.each(["cancels", "aborts"])(
    "that %s in the middle of a read keeps its seat, and with it the descriptor, until the read is over",
    async (how) => {
      const bench = start();
      const client = new AbortController();
      bench.write(BODY);
      const reader = await streamOf(bench, 0, BODY - 1, client.signal);
      await reader.read();
      const read = reader.read().catch(() => {});
      // Promises only: no read of a file ends within this turn.
      for (let step = 0; step < 30; step++) await Promise.resolve();
      if (how === "cancels") void reader.cancel();
      else client.abort();
      expect(bench.seats).toBe(1);
      await bench.progress.seatsChangedSince(1);
      expect(bench.seats).toBe(0);
      await read;
    },
  );
  test("that aborts in the middle of the first read keeps its seat until the read is over, and gets nothing", async () => {
    const bench = start();
    const client = new AbortController();
    bench.write(BODY);
    const answer = bench.take(0, BODY - 1, client.signal);
    for (let step = 0; step < 30; step++) await Promise.resolve();
    client.abort();
    expect(bench.seats).toBe(1);
    expect(await answer).toEqual({ kind: "none" });
    await bench.progress.seatsChangedSince(1);
    expect(bench.seats).toBe(0);
  });
  test("that leaves between two reads gives its seat back, once, whatever comes after", async () => {
    const bench = start();
    const client = new AbortController();
    bench.progress.join();
    bench.write(BODY);
    const reader = await streamOf(bench, 0, BODY - 1, client.signal);
    await reader.read();
    await turns();
    await reader.cancel();
    expect(bench.seats).toBe(1);
    client.abort();
    bench.progress.end("whole");
    await turns();
    // The other one's.
    expect(bench.seats).toBe(1);
  });
  test("that needs no byte gives its seat back, as one of its edge's", () => {
    const bench = start();
    bench.follow(0, BODY - 1);
    giveSeatBack(bench.entry);
    bench.progress.vacate(bench.entry.content.body.edge);
    expect(bench.seats).toBe(0);
  });
});
