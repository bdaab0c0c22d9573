import { afterEach, describe, expect, spyOn, test } from "bun:test";
import { FollowBench } from "../../test/support/follow-bench.ts";
import { digestOf } from "../../test/support/keeper-bench.ts";
import { turns } from "../../test/support/turns.ts";

const KIB = 1024;
const BODY = 300 * KIB;

const benches: FollowBench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.remove();
});

/** A body whose file takes no more after so many bytes; who follows it is told to ask S3. */
function unwritten(written: number): FollowBench {
  const bench = new FollowBench(BODY);
  benches.push(bench);
  bench.write(written);
  bench.progress.end("unwritten");
  bench.answer = bench.pass();
  bench.respond = (headers) => bench.partOf(headers);
  return bench;
}

describe("a body that can't be written any further", () => {
  test.each([
    ["from its start, of which some is there", 0, BODY - 1, 100 * KIB],
    ["from behind what is there", 200 * KIB, BODY - 1, 100 * KIB],
    ["of which nothing is there", 0, BODY - 1, 0],
  ])("is read %s, and the rest of that very copy is taken from S3", async (_, first, last, written) => {
    const bench = unwritten(written);
    const followed = await bench.take(first, last);
    expect(followed.kind).toBe("ended");
    expect(followed.kind !== "none" && digestOf(followed.bytes)).toBe(
      digestOf(bench.bytes.subarray(first, last + 1)),
    );
    const range = `bytes=${Math.max(first, written)}-${last}`;
    expect(bench.asked).toEqual([expect.objectContaining({ range, "if-match": '"1"', signed: "yes" })]);
    expect(bench.seats).toBe(0);
  });
  test("gives a short run in one piece all the same", async () => {
    const bench = unwritten(100 * KIB);
    const followed = await bench.take(100 * KIB - 10, 100 * KIB + 9);
    expect(followed.kind !== "none" && digestOf(followed.bytes)).toBe(
      digestOf(bench.bytes.subarray(100 * KIB - 10, 100 * KIB + 10)),
    );
    expect(bench.asked.map(({ range }) => range)).toEqual([`bytes=${100 * KIB}-${100 * KIB + 9}`]);
    expect(bench.seats).toBe(0);
  });
  test.each([
    ["another copy", (bench: FollowBench, asked: Record<string, string>) => bench.partOf(asked, '"2"')],
    ["other bytes of it", (bench: FollowBench) => bench.partOf({ range: "bytes=0-10" })],
    [
      "the whole, not the part",
      (bench: FollowBench) => new Response(bench.bytes.slice(), { headers: { ETag: '"1"' } }),
    ],
    ["that it has changed", () => new Response("<Error/>", { status: 412 })],
    ["that it is gone", () => new Response("<Error><Code>NoSuchKey</Code></Error>", { status: 404 })],
    ["with an error of its own", () => new Response("<Error/>", { status: 500 })],
  ])("breaks off where S3 answers with %s, and who has had nothing gets nothing", async (_, respond) => {
    const bench = unwritten(100 * KIB);
    bench.respond = (asked) => respond(bench, asked);
    const some = await bench.take(0, BODY - 1);
    expect(some.kind === "broken" && digestOf(some.bytes)).toBe(digestOf(bench.bytes.subarray(0, 100 * KIB)));
    expect(await bench.take(200 * KIB, BODY - 1)).toEqual({ kind: "none" });
    expect(await bench.take(200 * KIB, 200 * KIB + 9)).toEqual({ kind: "none" });
    expect(bench.seats).toBe(0);
  });
  test("breaks off where S3's part ends early", async () => {
    const bench = unwritten(100 * KIB);
    bench.respond = (asked) => {
      const { headers } = bench.partOf(asked);
      const first = 100 * KIB;
      return new Response(bench.bytes.slice(first, first + 50 * KIB), { status: 206, headers });
    };
    const some = await bench.take(0, BODY - 1);
    expect(some.kind === "broken" && digestOf(some.bytes)).toBe(digestOf(bench.bytes.subarray(0, 150 * KIB)));
    expect(bench.seats).toBe(0);
  });
  test("is not asked of S3 where nothing says which copy it was", async () => {
    const bench = unwritten(100 * KIB);
    const nameless = { ...bench.entry, content: { ...bench.entry.content, head: {} } };
    const followed = await bench.takeOf(nameless, 0, BODY - 1);
    expect([followed.kind, bench.asked]).toEqual(["broken", []]);
  });
  test.each(["before S3 answers", "while S3 sends"])(
    "ends its transfer when the client leaves %s",
    async (when) => {
      const bench = unwritten(100 * KIB);
      const client = new AbortController();
      const { promise: asked, resolve: wasAsked } = Promise.withResolvers<void>();
      const { promise: released, resolve: release } = Promise.withResolvers<void>();
      const fetched = spyOn(globalThis, "fetch");
      bench.respond = async (headers) => {
        wasAsked();
        if (when === "before S3 answers") await released;
        // Some of it, and no end: more than was announced would be a failure of S3.
        const body = new ReadableStream({
          start: (controller) => controller.enqueue(bench.bytes.slice(100 * KIB, 101 * KIB)),
        });
        return new Response(body, { status: 206, headers: bench.partOf(headers).headers });
      };
      const answer = (await bench.follow(0, BODY - 1).begin(client.signal)) as ReadableStream<Uint8Array>;
      const reader = answer.getReader();
      for (let bytes = 0; bytes < 100 * KIB; ) bytes += (await reader.read()).value?.length ?? 0;
      const read = reader.read();
      await asked;
      if (when === "while S3 sends") await read;
      // What Bun does when a connection ends.
      client.abort();
      await reader.cancel();
      release();
      const signal = fetched.mock.calls[0]?.[1]?.signal;
      fetched.mockRestore();
      while (signal?.aborted !== true) await turns(1);
      expect(bench.seats).toBe(0);
    },
  );
});
