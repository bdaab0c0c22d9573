/** A cache directory that can't be written: everybody gets everything from S3, the log says so, and caching resumes by itself. */

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import type { DiskCall, DiskError } from "../support/disk-faults.ts";
import { bytesOf, framesIn, until } from "../support/site.ts";
import {
  PASSED_FOR_SECONDS,
  startTroubledSite,
  type TroubledSite,
  troubledSubjectOf,
  WARNED_EVERY_SECONDS,
} from "./disk-trouble-site.ts";
import { allHave, EVERY_WAY, endsOf, ON_ALL_THREADS } from "./streaming-site.ts";

setDefaultTimeout(60_000);

const SMALL = bytesOf(3_000, 1);
const LARGE = bytesOf(500_000, 2);
const LONG = bytesOf(1_600_000, 3);

/** What a large object meets when its first byte is there. */
const AT_THE_START = [
  ["is full", "write", "ENOSPC"],
  ["has an I/O error", "write", "EIO"],
  ["can't be opened for want of a descriptor", "create", "EMFILE"],
  ["has become read-only", "create", "EROFS"],
] as const satisfies readonly (readonly [string, DiskCall, DiskError])[];

let site: TroubledSite;
beforeAll(async () => {
  site = await startTroubledSite();
});
afterAll(() => site?.stop());

describe.each(EVERY_WAY)("with $threads thread(s), over $protocol", ({ threads, protocol }) => {
  const it = troubledSubjectOf(() => site, threads, protocol);
  const {
    proxy,
    keyOf,
    ask,
    stream,
    streams,
    kept,
    drafts,
    settle,
    faults,
    warnings,
    forgetWarnings,
    criticals,
  } = it;
  let criticalsBefore: readonly string[];
  beforeEach(() => {
    criticalsBefore = criticals();
  });
  afterEach(async () => {
    faults().fail();
    site.s3.clearPrograms();
    await until(() => drafts() === 0);
    expect(criticals()).toEqual([...criticalsBefore]);
  });

  /** Clients on every thread that wait for an object that S3 has been asked for. */
  const startWaiting = async (key: string, body: Uint8Array) => {
    site.s3.put(key, body);
    const hold = site.s3.hold(key);
    const waiting = streams(ON_ALL_THREADS, key, body);
    await hold.arrived;
    await settle();
    return { hold, waiting };
  };

  /** The disk is well: an object that couldn't be written is passed for a while, and then it is cached. */
  const expectCachedAgain = async (key: string, body: Uint8Array) => {
    const statusOf = async () => {
      const { headers, body: got } = await ask(key);
      expect(got.equals(body)).toBe(true);
      return headers["cache-status"];
    };
    site.forward(PASSED_FOR_SECONDS - 1);
    expect(await statusOf()).toContain("not-stored");
    site.forward(1);
    expect(await statusOf()).toContain("; stored");
    const asked = site.gate.countOf(key);
    for (let times = 0; times < 8; times++) expect(await statusOf()).toContain("; hit");
    expect(site.gate.countOf(key)).toBe(asked);
  };

  test.each(AT_THE_START)(
    "a directory that %s: all who wait for a large object get it, one warning is logged, then it is cached",
    async (_, call, error) => {
      const [key, warned, before] = [keyOf(`first-${call}-${error}`), await forgetWarnings(), kept()];
      const { hold, waiting } = await startWaiting(key, LARGE);
      faults().fail({ call, error });
      const failedBefore = faults().failed;
      hold.release();
      expect(await endsOf(waiting, LARGE)).toEqual({ "200 whole": ON_ALL_THREADS });
      expect(faults().failed).toBeGreaterThan(failedBefore);
      for (let other = 0; other < 3; other++) {
        site.s3.put(`${key}-${other}`, LARGE);
        expect((await ask(`${key}-${other}`)).body.equals(LARGE)).toBe(true);
      }
      await until(() => drafts() === 0);
      expect(kept()).toEqual(before);
      faults().fail();
      await expectCachedAgain(key, LARGE);
      const lines = (await warnings()).slice(warned);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(new RegExp(` warn .*Cannot write .* reason=.*${error}`));
      expect((await ask("_proxy/metrics")).text).toMatch(/_directory_errors_total{operation="write"} [1-9]/);
    },
  );

  test.each([
    ["is full at the half of", LONG.length / 2, "ENOSPC"],
    ["has an I/O error at the half of", LONG.length / 2, "EIO"],
    ["has no room for the last byte of", LONG.length - 1, "ENOSPC"],
  ] as const)(
    "a disk that %s a large object: every reader gets every byte, one warning is logged, then it is cached",
    async (_, bytes, error) => {
      const [key, warned, before] = [keyOf(`midway-${bytes}-${error}`), await forgetWarnings(), kept()];
      site.s3.put(key, LONG);
      const hold = site.s3.holdBody(key, bytes);
      const part = stream(key, LONG.subarray(1_000), { headers: { Range: "bytes=1000-" } });
      const readers = [stream(key, LONG), ...streams(ON_ALL_THREADS, key, LONG)];
      const paused = stream(key, LONG);
      void paused.has(1).then(paused.pause);
      await allHave(readers, bytes);
      await paused.has(1);
      faults().fail({ call: "write", error });
      const failedBefore = faults().failed;
      hold.release();
      expect(await endsOf(readers, LONG)).toEqual({ "200 whole": readers.length });
      expect(await endsOf([part], LONG.subarray(1_000))).toEqual({ "206 whole": 1 });
      expect(faults().failed).toBe(failedBefore + 1);
      // Remembered: the disk isn't tried again for each request.
      expect((await ask(key)).body.equals(LONG)).toBe(true);
      expect(faults().failed).toBe(failedBefore + 1);
      paused.resume();
      expect(await endsOf([paused], LONG)).toEqual({ "200 whole": 1 });
      await until(() => drafts() === 0);
      expect(kept()).toEqual(before);
      faults().fail();
      await expectCachedAgain(key, LONG);
      const lines = (await warnings()).slice(warned);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(new RegExp(` warn .*Cannot write .* reason=.*${error}`));
    },
  );

  test("a seek while the disk is full gets its bytes though what precedes them doesn't come", async () => {
    const key = keyOf("seek");
    const first = LONG.length - 100_000;
    site.s3.put(key, LONG);
    const hold = site.s3.holdBody(key, 1_000, 1);
    const leader = stream(key, LONG);
    await leader.has(1_000);
    faults().fail({ call: "write", error: "ENOSPC" });
    const rest = LONG.subarray(first);
    const seek = stream(key, rest, { headers: { Range: `bytes=${first}-` } });
    expect(await endsOf([seek], rest)).toEqual({ "206 whole": 1 });
    hold.release();
    expect(await endsOf([leader], LONG)).toEqual({ "200 whole": 1 });
  });

  test.each([
    ["create", "EMFILE"],
    ["write", "ENOSPC"],
    ["rename", "EIO"],
  ] as const)(
    "a small object when %s fails with %s: it is answered, from memory from then on; the next one is written",
    async (call, error) => {
      const [key, warned, before] = [keyOf(`small-${call}`), await forgetWarnings(), kept()];
      const { hold, waiting } = await startWaiting(key, SMALL);
      faults().fail({ call, error });
      hold.release();
      expect(await endsOf(waiting, SMALL)).toEqual({ "200 whole": ON_ALL_THREADS });
      expect(await endsOf(streams(ON_ALL_THREADS, key, SMALL), SMALL)).toEqual({
        "200 whole": ON_ALL_THREADS,
      });
      expect(site.gate.countOf(key)).toBe(1);
      await until(async () => (await warnings()).length > warned);
      await until(() => drafts() === 0);
      expect(kept()).toEqual(before);
      faults().fail();
      const { cacheDir } = proxy();
      const frames = framesIn(cacheDir).length;
      site.s3.put(`${key}-next`, SMALL);
      expect((await ask(`${key}-next`)).body.equals(SMALL)).toBe(true);
      await until(() => framesIn(cacheDir).length === frames + 1);
    },
  );

  test("a large object that can't get its name: all get it, nothing is left, and the next request caches it", async () => {
    const [key, warned, before] = [keyOf("rename"), await forgetWarnings(), kept()];
    const { hold, waiting } = await startWaiting(key, LARGE);
    faults().fail({ call: "rename", error: "ENOSPC" });
    hold.release();
    expect(await endsOf(waiting, LARGE)).toEqual({ "200 whole": ON_ALL_THREADS });
    await until(() => drafts() === 0);
    expect([kept(), (await warnings()).length]).toEqual([before, warned + 1]);
    faults().fail();
    expect((await ask(key)).body.equals(LARGE)).toBe(true);
    expect((await ask(key)).headers["cache-status"]).toContain("; hit");
    expect(site.gate.countOf(key)).toBe(2);
  });

  test("a newer version that can't be written is answered with, never the older one or a blend", async () => {
    const key = keyOf("newer");
    site.s3.put(key, LARGE, { "Cache-Control": "max-age=1" });
    expect((await ask(key)).body.equals(LARGE)).toBe(true);
    // Beyond the time for which a stale copy may be used.
    site.forward(100);
    const newer = bytesOf(LARGE.length + 1, 9);
    site.s3.put(key, newer);
    faults().fail({ call: "write", error: "ENOSPC" });
    expect(await endsOf(streams(ON_ALL_THREADS, key, newer), newer)).toEqual({ "200 whole": ON_ALL_THREADS });
    faults().fail();
    await expectCachedAgain(key, newer);
  });

  test("it is warned of once a minute, however many requests there are", async () => {
    let warned = await forgetWarnings();
    faults().fail({ call: "write", error: "ENOSPC" });
    const askMany = async (name: string) => {
      const keys = Array.from({ length: 20 }, (_, number) => keyOf(`${name}-${number}`));
      for (const [number, key] of keys.entries()) site.s3.put(key, number % 2 === 0 ? SMALL : LARGE);
      const failedBefore = faults().failed;
      for (const { status } of await Promise.all(keys.map((key) => ask(key)))) expect(status).toBe(200);
      await until(() => faults().failed === failedBefore + keys.length && drafts() === 0);
      return (await warnings()).length;
    };
    expect(await askMany("many")).toBe(++warned);
    site.forward(WARNED_EVERY_SECONDS - 1);
    expect(await askMany("later")).toBe(warned);
    site.forward(1);
    expect(await askMany("next")).toBe(++warned);
  });
});
