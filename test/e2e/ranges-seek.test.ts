/** Seeking in a large object that isn't stored yet: every byte is right, and S3 sends it about once. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, PROTOCOLS } from "../support/client.ts";
import { patternBody } from "../support/made-body.ts";
import { type Played, play } from "../support/player.ts";
import { startProxy } from "../support/proxy.ts";
import { type Serving, startServing } from "./serving.ts";

setDefaultTimeout(60_000);

const MIB = 1 << 20;
const VIDEO = patternBody(256 * MIB, 1);
const OBJECT = patternBody(20 * MIB, 2);
const WHOLE = OBJECT.bytes();

/** Numbers that look random and are the same each time. */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

describe.each([1, 4])("with %d thread(s)", (threads) => {
  const args = ["--origin-timeout", "20"];
  let it: Serving;
  beforeAll(async () => {
    it = await startServing({ threads, args });
  });
  afterAll(() => it?.stop());

  /** The bytes of bodies that S3 has sent for a key. */
  const sentOf = (key: string) =>
    it.s3.requests.filter((each) => each.key === key).reduce((sum, each) => sum + each.bodyBytesSent, 0);
  const stored = (key: string, proxy = it.proxy) =>
    proxy.line(new RegExp(`S3 fetch key=${key} result=object `));

  describe.each([
    ["before it opens the next place", true],
    ["once it has opened the next place", false],
  ])("a player that leaves one place %s", (_, leavesFirst) => {
    test("sees every byte, and S3 sends little more than the object", async () => {
      const key = `video-${leavesFirst}.mp4`;
      it.s3.put(key, VIDEO, { ETag: '"video"' });
      // As from a fast network: what is on its way when a transfer is ended has been sent for nothing.
      it.s3.drip(key, 128 * MIB);
      let playing: Played | undefined;
      /** Goes to a place and takes some of it; S3 sends no more than `sentBytes` of what it is asked for then. */
      const seek = async (range: string, bytes: number, sentBytes?: number) => {
        const hold = sentBytes === undefined ? undefined : it.s3.holdBody(key, sentBytes, 1);
        if (leavesFirst) playing?.leave();
        const next = await play(it.port, { path: `/${key}`, body: VIDEO, range });
        expect([range, next.status]).toEqual([range, 206]);
        playing?.leave();
        playing = next;
        await next.take(bytes);
        return hold;
      };
      const front = await seek("bytes=0-", MIB, 80 * MIB);
      await front?.arrived;
      const middle = await seek(`bytes=${128 * MIB}-`, 20 * MIB, 24 * MIB);
      await seek("bytes=-65536", 65_536);
      const again = await seek(`bytes=${96 * MIB + 12_345}-`, 2 * MIB, 4 * MIB);
      for (const hold of [front, middle, again]) hold?.release();
      if (leavesFirst) playing?.leave();
      const whole = await play(it.port, { path: `/${key}`, body: VIDEO });
      expect(await whole.takeAll()).toBe(VIDEO.length);
      playing?.leave();
      expect(sentOf(key) / VIDEO.length).toBeLessThan(1.05);
      await stored(key);
      const asked = it.s3.countOf(key);
      const back = await play(it.port, {
        path: `/${key}`,
        body: VIDEO,
        range: `bytes=${100 * MIB}-${110 * MIB}`,
      });
      expect(await back.takeAll()).toBe(10 * MIB + 1);
      expect(it.s3.countOf(key)).toBe(asked);
    });
  });

  test("fifty clients that want fifty parts at once each get theirs, and S3 sends half as much again at most", async () => {
    it.s3.put("parts.bin", OBJECT, { ETag: '"parts"' });
    it.s3.drip("parts.bin", 32 * MIB);
    const number = numbersFrom(threads);
    const answers = Array.from({ length: 50 }, async (_, at) => {
      const first = number(WHOLE.length);
      const last = Math.min(first + number(512 * 1024), WHOLE.length - 1);
      const headers = { Range: `bytes=${first}-${last}` };
      const answer = await ask(it.port, { protocol: PROTOCOLS[at % 2]!, path: "/parts.bin", headers });
      const isRight = answer.isComplete && answer.body.equals(WHOLE.subarray(first, last + 1));
      return [answer.status, answer.headers["content-range"], isRight, `${first}-${last}`] as const;
    });
    for (const [status, contentRange, isRight, part] of await Promise.all(answers)) {
      expect([status, contentRange, isRight]).toEqual([206, `bytes ${part}/${WHOLE.length}`, true]);
    }
    expect(sentOf("parts.bin") / WHOLE.length).toBeLessThan(1.5);
    const whole = await play(it.port, { path: "/parts.bin", body: OBJECT });
    expect(await whole.takeAll()).toBe(WHOLE.length);
  });

  test("twenty clients that want twenty parts at once don't wait for what precedes them", async () => {
    it.s3.put("held.bin", OBJECT, { ETag: '"held"' });
    const hold = it.s3.holdBody("held.bin", MIB, 1);
    const front = await play(it.port, { path: "/held.bin", body: OBJECT });
    const parts = Array.from({ length: 20 }, async (_, at) => {
      const first = WHOLE.length - (at + 1) * 700_000;
      const headers = { Range: `bytes=${first}-${first + 99_999}` };
      const answer = await ask(it.port, { protocol: PROTOCOLS[at % 2]!, path: "/held.bin", headers });
      return [answer.status, answer.body.equals(WHOLE.subarray(first, first + 100_000))];
    });
    for (const part of await Promise.all(parts)) expect(part).toEqual([206, true]);
    hold.release();
    expect(await front.takeAll()).toBe(WHOLE.length);
  });

  describe("after parts that came in any order", () => {
    const ORDERS = [
      ["one-in-the-middle", ["bytes=10000000-10999999"]],
      ["backwards", ["bytes=-100000", "bytes=12000000-12999999", "bytes=5000000-5999999"]],
      ["overlapping", ["bytes=9000000-9999999", "bytes=8500000-9499999", "bytes=9500000-10499999"]],
      ["touching", ["bytes=7000000-7999999", "bytes=8000000-8999999", "bytes=6000000-6999999"]],
      ["one-byte", ["bytes=15000000-15000000", "bytes=20971519-20971519", "bytes=15000001-15000001"]],
    ] as const;

    test("what was stored is right, and still the same after a restart", async () => {
      const cacheDir = mkdtempSync(join(tmpdir(), "s3proxy-test-"));
      const first = await startProxy({ s3: it.s3, threads, cacheDir, args });
      for (const [key, ranges] of ORDERS) {
        it.s3.put(key, OBJECT, { ETag: `"${key}"` });
        const hold = it.s3.holdBody(key, MIB, 1);
        const whole = await play(first.port, { path: `/${key}`, body: OBJECT });
        for (const range of ranges)
          await (await play(first.port, { path: `/${key}`, body: OBJECT, range })).takeAll();
        hold.release();
        expect([key, await whole.takeAll()]).toEqual([key, OBJECT.length]);
        await stored(key, first);
      }
      await first.stop();
      const asked = it.s3.requests.filter(({ key }) => ORDERS.some(([each]) => each === key)).length;
      const proxy = await startProxy({ s3: it.s3, threads, cacheDir });
      for (const [key] of ORDERS) {
        const again = await play(proxy.port, { path: `/${key}`, body: OBJECT });
        expect([key, again.headers["cache-status"]?.split(" ")[1]]).toEqual([key, "hit;"]);
        expect([key, await again.takeAll()]).toEqual([key, OBJECT.length]);
      }
      await proxy.stop();
      rmSync(cacheDir, { recursive: true, force: true });
      expect(it.s3.requests.filter(({ key }) => ORDERS.some(([each]) => each === key)).length).toBe(asked);
    });
  });
});
