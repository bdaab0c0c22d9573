/** Objects that are cleared, or whose files are deleted, while they are on their way. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { unlinkSync } from "node:fs";
import { join } from "node:path";
import { ask as askAny } from "../support/client.ts";
import { AUTH_KEY, bytesOf, clear, framesIn, until } from "../support/site.ts";
import {
  allHave,
  EVERY_WAY,
  endsOf,
  ON_ALL_THREADS,
  STREAMED_BYTES,
  type StreamingSite,
  startStreamingSite,
  subjectOf,
} from "./streaming-site.ts";

setDefaultTimeout(60_000);

const BODY = bytesOf(STREAMED_BYTES, 1);
const NEWER = bytesOf(STREAMED_BYTES, 2);
const HALF = STREAMED_BYTES / 2;
const headers = { Authorization: `Bearer ${AUTH_KEY}` };

let site: StreamingSite;
beforeAll(async () => {
  site = await startStreamingSite();
});
afterAll(() => site?.stop());

/** Clears a part of the cache through the management endpoints; the key needs no encoding. */
const CLEARS = [
  ["a clear of its key", (port: number, key: string) => clearBy(port, `?key=/${key}`)],
  ["a clear of its prefix", (port: number, key: string) => clearBy(port, `?prefix=/${key}`)],
  ["a notification that it was replaced", (port: number, key: string) => purge(port, key)],
] as const;

async function clearBy(port: number, query: string): Promise<void> {
  const path = `/_proxy/_private/_cache/clear${query}`;
  expect((await askAny(port, { method: "DELETE", path, headers })).status).toBe(200);
}

async function purge(port: number, key: string): Promise<void> {
  const s3 = { bucket: { name: site.s3.bucket }, object: { key } };
  const body = JSON.stringify({ Records: [{ eventSource: "aws:s3", eventName: "ObjectCreated:Put", s3 }] });
  const url = `http://127.0.0.1:${port}/_proxy/_private/_cache/purge`;
  expect((await fetch(url, { method: "POST", headers, body })).status).toBe(200);
}

describe.each(EVERY_WAY)("with $threads thread(s), over $protocol", ({ threads, protocol }) => {
  const { proxy, keyOf, ask, stream, streams, kept, drafts } = subjectOf(() => site, threads, protocol);
  /** Puts an object that S3 sends half of; resolves when clients on every thread have that half. */
  const startHalf = async (name: string) => {
    const key = keyOf(name.replaceAll(" ", "-"));
    site.s3.put(key, BODY, { ETag: '"v1"' });
    const hold = site.s3.holdBody(key, HALF);
    const riders = [stream(key, BODY), ...streams(ON_ALL_THREADS, key, BODY)];
    await allHave(riders, HALF);
    return { key, hold, riders };
  };
  const expectWhole = async (riders: Parameters<typeof endsOf>[0], body: Uint8Array) =>
    expect(await endsOf(riders, body)).toEqual({ "200 whole": riders.length });

  test.each([["a clear of everything", (_: number, __: string) => clear(proxy())] as const, ...CLEARS])(
    "%s during a fill: who rides gets the bytes, who comes after it gets today's, nothing old is kept",
    async (what, clearIt) => {
      const { key, hold, riders } = await startHalf(what);
      const held = site.s3.holdBody(key, HALF);
      await clearIt(proxy().port, key);
      expect(hold.waiting).toBe(1);
      site.s3.put(key, NEWER, { ETag: '"v2"' });
      const after = streams(ON_ALL_THREADS, key, NEWER);
      await allHave(after, HALF);
      expect(site.gate.countOf(key), site.explain(key)).toBe(2);
      held.release();
      await expectWhole(after, NEWER);
      const before = framesIn(proxy().cacheDir);
      hold.release();
      await expectWhole(riders, BODY);
      await until(() => drafts() === 0);
      expect(framesIn(proxy().cacheDir)).toEqual(before);
      const hit = await ask(key);
      expect([hit.headers.etag, hit.body.equals(NEWER), site.gate.countOf(key)], site.explain(key)).toEqual([
        '"v2"',
        true,
        2,
      ]);
    },
  );

  test.each(CLEARS)("%s changes nothing for the fill of another object", async (what, clearIt) => {
    const { key, hold, riders } = await startHalf(`another-than ${what}`);
    await clearIt(proxy().port, "elsewhere");
    const after = streams(ON_ALL_THREADS, key, BODY);
    await allHave(after, HALF);
    hold.release();
    await expectWhole([...riders, ...after], BODY);
    await until(() => drafts() === 0);
    expect((await ask(key)).headers["cache-status"]).toStartWith("s3proxy; hit");
    expect(site.gate.countOf(key), site.explain(key)).toBe(1);
  });

  test("a draft that another process deletes: who rides gets the bytes, and who comes after it gets them too", async () => {
    const { key, hold, riders } = await startHalf("deleted");
    const frames = framesIn(proxy().cacheDir);
    const names = kept().filter((name) => !frames.includes(name));
    expect(names.length).toBe(1);
    for (const name of names) unlinkSync(join(proxy().cacheDir, name));
    const after = streams(ON_ALL_THREADS, key, BODY);
    await allHave(after, HALF);
    hold.release();
    await expectWhole([...riders, ...after], BODY);
    await until(() => drafts() === 0);
    expect((await ask(key)).body.equals(BODY)).toBe(true);
    // A second fill for those who had no descriptor of the first one's draft, and no more.
    expect(site.gate.countOf(key), site.explain(key)).toBeLessThanOrEqual(3);
  });
});
