import { beforeEach, describe, expect, test } from "bun:test";
import { type ExpiringCredentials, renewingCredentials, staticCredentials } from "./credentials.ts";

const MINUTE_MS = 60_000;
/** Far from 0, as a real clock is. */
const START_MS = Date.UTC(2026, 0, 1);

let nowMs: number;
let loads: PromiseWithResolvers<ExpiringCredentials>[];

beforeEach(() => {
  nowMs = START_MS;
  loads = [];
});

function source() {
  return renewingCredentials(
    () => {
      const load = Promise.withResolvers<ExpiringCredentials>();
      loads.push(load);
      return load.promise;
    },
    () => nowMs,
  );
}

function named(accessKeyId: string, livesMs?: number): ExpiringCredentials {
  const expiring = livesMs === undefined ? {} : { expiration: new Date(nowMs + livesMs) };
  return { accessKeyId, secretAccessKey: "secret", ...expiring };
}

/** Lets everything that waits for a load go on. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

async function idOf(credentials: Promise<{ accessKeyId: string }>): Promise<string> {
  return (await credentials).accessKeyId;
}

test("staticCredentials always says the same, and asking anew is of no use", async () => {
  const given = { accessKeyId: "a", secretAccessKey: "b", sessionToken: "c" };
  const credentials = staticCredentials(given);
  expect(await credentials.current()).toEqual(given);
  expect(credentials.renew(given)).toBe(false);
});

describe("renewingCredentials", () => {
  test("loads once for all who ask while it loads, and not before the first asks", async () => {
    const { current } = source();
    expect(loads).toHaveLength(0);
    const asked = [current(), current(), current()];
    loads[0]!.resolve(named("a"));
    expect((await Promise.all(asked)).map(({ accessKeyId }) => accessKeyId)).toEqual(["a", "a", "a"]);
    expect(loads).toHaveLength(1);
  });
  test("keeps credentials that don't expire for good", async () => {
    const { current } = source();
    const first = current();
    loads[0]!.resolve(named("a"));
    await first;
    nowMs += 365 * 24 * 60 * MINUTE_MS;
    expect(await idOf(current())).toBe("a");
    expect(loads).toHaveLength(1);
  });
  test("keeps credentials as long as more than five minutes are left of them", async () => {
    const { current } = source();
    const first = current();
    loads[0]!.resolve(named("a", 60 * MINUTE_MS));
    await first;
    nowMs += 55 * MINUTE_MS;
    expect(await idOf(current())).toBe("a");
    expect(loads).toHaveLength(1);
  });
  test("renews shortly before the expiry once, behind the requests, which go on with the old ones", async () => {
    const { current } = source();
    const first = current();
    loads[0]!.resolve(named("old", 60 * MINUTE_MS));
    await first;
    nowMs += 55 * MINUTE_MS + 1;
    expect(await Promise.all([idOf(current()), idOf(current())])).toEqual(["old", "old"]);
    expect(loads).toHaveLength(2);
    loads[1]!.resolve(named("new", 60 * MINUTE_MS));
    await settled();
    expect(await idOf(current())).toBe("new");
    expect(loads).toHaveLength(2);
  });
  test("goes on with the old ones where the renewal fails, and tries again ten seconds later", async () => {
    const { current } = source();
    const first = current();
    loads[0]!.resolve(named("old", 60 * MINUTE_MS));
    await first;
    nowMs += 58 * MINUTE_MS;
    expect(await idOf(current())).toBe("old");
    loads[1]!.reject(new Error("No network"));
    await settled();
    nowMs += 9_999;
    expect(await idOf(current())).toBe("old");
    expect(loads).toHaveLength(2);
    nowMs += 1;
    expect(await idOf(current())).toBe("old");
    expect(loads).toHaveLength(3);
    loads[2]!.resolve(named("new"));
    await settled();
    expect(await idOf(current())).toBe("new");
  });
  test("never gives out expired ones: who asks then waits for the new ones, or for the failure", async () => {
    const { current } = source();
    const first = current();
    loads[0]!.resolve(named("old", MINUTE_MS));
    await first;
    nowMs += MINUTE_MS;
    const refused = current();
    loads[1]!.reject(new Error("No network"));
    expect(refused).rejects.toThrow("No network");
    await settled();
    const asked = current();
    loads[2]!.resolve(named("new", 60 * MINUTE_MS));
    expect(await idOf(asked)).toBe("new");
  });
  test("rejects where there are none, and asks anew the next time", async () => {
    const { current } = source();
    const first = current();
    loads[0]!.reject(new Error("None found"));
    expect(first).rejects.toThrow("None found");
    await settled();
    const second = current();
    loads[1]!.resolve(named("a"));
    expect(await idOf(second)).toBe("a");
  });
});

describe("renew", () => {
  test("makes the next request wait for new ones", async () => {
    const { current, renew } = source();
    const first = current();
    loads[0]!.resolve(named("old"));
    const refused = await first;
    nowMs += 10_000;
    expect(renew(refused)).toBe(true);
    const second = current();
    loads[1]!.resolve(named("new"));
    expect(await idOf(second)).toBe("new");
  });
  test("is refused within ten seconds of a load, so that S3's refusals can't make one load a request", async () => {
    const { current, renew } = source();
    const first = current();
    loads[0]!.resolve(named("a"));
    const refused = await first;
    nowMs += 9_999;
    expect(renew(refused)).toBe(false);
    expect(await idOf(current())).toBe("a");
    expect(loads).toHaveLength(1);
  });
  test("by many at once leads to one load", async () => {
    const { current, renew } = source();
    const first = current();
    loads[0]!.resolve(named("old"));
    const refused = await first;
    nowMs += 10_000;
    const asked = Array.from({ length: 5 }, () => {
      expect(renew(refused)).toBe(true);
      return current();
    });
    loads[1]!.resolve(named("new"));
    expect((await Promise.all(asked)).map(({ accessKeyId }) => accessKeyId)).toEqual(Array(5).fill("new"));
    expect(loads).toHaveLength(2);
  });
  test("of credentials that others had renewed already says to try the newer ones, however new they are", async () => {
    const { current, renew } = source();
    const first = current();
    loads[0]!.resolve(named("old"));
    const refused = await first;
    nowMs += 10_000;
    expect(renew(refused)).toBe(true);
    const second = current();
    loads[1]!.resolve(named("new"));
    await second;
    expect(renew(refused)).toBe(true);
    expect(await idOf(current())).toBe("new");
    expect(loads).toHaveLength(2);
  });
});
