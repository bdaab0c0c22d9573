/** A cache directory that can't be read: everything is answered from S3, and what is well is still used. */

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
import { bytesOf, clear, framesIn, get, until } from "../support/site.ts";
import { startTroubledSite, type TroubledSite, troubledSubjectOf } from "./disk-trouble-site.ts";
import { allHave, EVERY_WAY, endsOf, ON_ALL_THREADS, THREADS } from "./streaming-site.ts";

setDefaultTimeout(60_000);

const SMALL = bytesOf(3_000, 1);
const LARGE = bytesOf(300_000, 2);
const LONG = bytesOf(2_000_000, 3);

/** What goes wrong with the file of an object that has been served before, and with one that an earlier run has left. */
const FAULTS = [
  ["the opening of a small", "EIO", "small", SMALL, "open"],
  ["the opening of a small", "EMFILE", "small", SMALL, "open"],
  ["the length of a small", "EIO", "small", SMALL, "stat"],
  ["the reading of a small", "EIO", "small", SMALL, "read"],
  ["the opening of a large", "EIO", "large", LARGE, "open"],
  ["the opening of a large", "EMFILE", "large", LARGE, "open"],
  ["the length of a large", "EIO", "large", LARGE, "stat"],
  ["the reading of a large", "EIO", "large", LARGE, "read"],
] as const satisfies readonly (readonly [string, DiskError, string, Uint8Array, DiskCall])[];
/** Of a large object that has been compared with its checksum only the length is looked at. */
const FAULTS_SERVED = FAULTS.filter(([, , size, , call]) => size === "small" || call === "stat");

let site: TroubledSite;
beforeAll(async () => {
  // Nothing stays in memory: every answer is read from its file.
  site = await startTroubledSite(["--memory-size", "0"]);
});
afterAll(() => site?.stop());

describe.each(EVERY_WAY)("with $threads thread(s), over $protocol", ({ threads, protocol }) => {
  const it = troubledSubjectOf(() => site, threads, protocol);
  const { proxy, keyOf, ask, stream, streams, drafts, faults, warnings, forgetWarnings, criticals } = it;
  const nameOf = (...parts: readonly string[]) => keyOf(parts.join("-"));
  beforeAll(async () => {
    for (const [, error, size, body, call] of FAULTS) {
      const key = nameOf("earlier", size, call, error);
      site.s3.put(key, body);
      await ask(key);
    }
    await until(() => drafts() === 0);
    await site.restart(threads);
    await proxy().line(/ Cache directory indexed /);
  });
  let criticalsBefore: readonly string[];
  beforeEach(() => {
    criticalsBefore = criticals();
  });
  afterEach(() => {
    faults().fail();
    site.s3.clearPrograms();
    expect(criticals()).toEqual([...criticalsBefore]);
  });

  /** Clients on every thread ask while the file fails; then it is well again. */
  const expectServed = async (key: string, body: Uint8Array, call: DiskCall, error: DiskError) => {
    const [asked, failedBefore] = [site.gate.countOf(key), faults().failed];
    faults().fail({ call, error });
    expect(await endsOf(streams(ON_ALL_THREADS, key, body), body)).toEqual({ "200 whole": ON_ALL_THREADS });
    expect(faults().failed).toBeGreaterThan(failedBefore);
    expect(site.gate.countOf(key)).toBeGreaterThan(asked);
    faults().fail();
    expect((await ask(key)).body.equals(body)).toBe(true);
    await until(() => drafts() === 0);
    const after = site.gate.countOf(key);
    for (let times = 0; times < 8; times++) {
      const { headers, body: got } = await ask(key);
      expect([headers["cache-status"], got.equals(body)]).toEqual([expect.stringContaining("; hit"), true]);
    }
    expect(site.gate.countOf(key)).toBe(after);
  };

  test.each(FAULTS)(
    "%s object that an earlier run has left fails with %s: it is answered from S3, and cached again",
    async (_, error, size, body, call) => {
      const warned = await forgetWarnings();
      await expectServed(nameOf("earlier", size, call, error), body, call, error);
      const lines = (await warnings()).slice(warned);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(new RegExp(` warn .*Cannot read .* reason=.*${error}`));
    },
  );

  test.each(FAULTS_SERVED)(
    "%s object that was served before fails with %s: it is answered from S3, and cached again",
    async (_, error, size, body, call) => {
      const key = nameOf("served", size, call, error);
      site.s3.put(key, body);
      await ask(key);
      await until(() => drafts() === 0);
      expect((await ask(key)).headers["cache-status"]).toContain("; hit");
      await expectServed(key, body, call, error);
    },
  );

  test.each([
    ["from its first byte on", 0],
    ["after its first half", LONG.length / 2],
  ])(
    "a large object that can't be read back %s while it arrives: all readers get it from S3",
    async (_, bytes) => {
      const key = keyOf(`follow-${bytes}`);
      site.s3.put(key, LONG);
      const hold = site.s3.holdBody(key, Math.max(bytes, 1), 1);
      if (bytes === 0) faults().fail({ call: "follow", error: "EIO" });
      const readers = streams(ON_ALL_THREADS, key, LONG);
      await hold.arrived;
      await allHave(readers, bytes);
      faults().fail({ call: "follow", error: "EIO" });
      hold.release();
      expect(await endsOf(readers, LONG)).toEqual({ "200 whole": ON_ALL_THREADS });
      faults().fail();
      expect(await endsOf([stream(key, LONG)], LONG)).toEqual({ "200 whole": 1 });
    },
  );
});

describe.each([...THREADS])("with %d thread(s)", (threads) => {
  const it = troubledSubjectOf(() => site, threads, "HTTP/1.1");
  const { proxy, keyOf, drafts, faults, warnings } = it;
  afterEach(() => faults().fail());

  test.each([
    ["list", "EIO"],
    ["list", "EMFILE"],
    ["remove", "EROFS"],
  ] as const)("a clear whose %s fails with %s is refused, and nothing else is", async (call, error) => {
    const key = keyOf(`clear-${call}-${error}`);
    site.s3.put(key, LARGE);
    await get(proxy(), `/${key}`);
    const failedBefore = faults().failed;
    faults().fail({ call, error });
    await expect(clear(proxy())).rejects.toThrow("answered 500");
    expect(faults().failed).toBeGreaterThan(failedBefore);
    expect((await get(proxy(), `/${key}`)).body.equals(Buffer.from(LARGE))).toBe(true);
    faults().fail();
    await clear(proxy());
    await until(() => drafts() === 0);
    expect(framesIn(proxy().cacheDir)).toEqual([]);
    expect(proxy().stdout()).not.toContain(" Crashed ");
  });

  test.each([
    ["one of its files can't be opened", "open", true],
    ["one of its files has no length", "stat", true],
    ["it can't be listed", "list", false],
  ] as const)(
    "a directory of which at the start %s: everything else in it is used",
    async (_, call, isOne) => {
      await clear(proxy());
      const keys = Array.from({ length: 3 }, (_, number) => keyOf(`start-${call}-${number}`));
      const nameOf = new Map<string, string>();
      for (const key of keys) {
        const before = framesIn(proxy().cacheDir);
        site.s3.put(key, LARGE);
        await get(proxy(), `/${key}`);
        nameOf.set(framesIn(proxy().cacheDir).find((name) => !before.includes(name))!, key);
      }
      for (const [name, key] of isOne ? nameOf : [["", ""] as const]) {
        faults().fail({ call, error: "EIO", name });
        await site.restart(threads);
        const indexed = await proxy().line(/ Cache directory indexed /);
        expect(indexed).toContain(` objects=${isOne ? keys.length - 1 : 0} `);
        expect(await warnings()).toHaveLength(1);
        await site.gate.refuse(true);
        const statuses = keys.map(async (each) => (await get(proxy(), `/${each}`)).status);
        const expected = keys.map((each) => (each === key ? 502 : 200));
        expect(await Promise.all(statuses).finally(() => site.gate.refuse(false))).toEqual(expected);
        faults().fail();
        await until(async () => (await get(proxy(), `/${key}`)).status === (isOne ? 200 : 404));
      }
    },
  );
});
