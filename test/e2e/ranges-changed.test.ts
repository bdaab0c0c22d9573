/** Ranges of an object that isn't stored yet, where S3 has another version by then, ignores the range or fails. */

import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Answer, ask, PROTOCOLS, type Protocol } from "../support/client.ts";
import { patternBody } from "../support/made-body.ts";
import type { Hold } from "../support/memory-s3.ts";
import { type Played, play } from "../support/player.ts";
import { expectBody, expectNoLeak, type Serving, startServing } from "./serving.ts";

setDefaultTimeout(20_000);

const SIZE = 8_000_000;
const OLD = patternBody(SIZE, 1);
/** Of another length, so that a stale Content-Range shows. */
const NEW_SIZE = 9_000_000;
const NEW = patternBody(NEW_SIZE, 2);
const HELD_AT = 300_000;
/** Who waits for what is held is told before the test times out. */
const FAIL_SOON = ["--origin-timeout", "10"];
const FAR = { first: 5_000_000, last: 5_499_999 };
const FAR_RANGE = `bytes=${FAR.first}-${FAR.last}`;

/** What a client can have got of a version: all of it, or an answer that it knows to be cut. Anything else throws. */
async function endOf(played: Played): Promise<"whole" | "cut"> {
  return played.takeAll().then(
    () => "whole",
    (error: Error) => {
      if (!error.message.startsWith("Cut")) throw error;
      return "cut";
    },
  );
}

describe.each([1, 4])("with %d thread(s)", (threads) => {
  let it: Serving;
  let count = 0;
  let key: string;
  let path: string;
  let front: Played;
  let hold: Hold;
  beforeAll(async () => {
    it = await startServing({ threads, args: FAIL_SOON });
  });
  afterAll(() => it?.stop());
  afterEach(() => {
    it.s3.clearPrograms();
    front.leave();
  });

  /** Lets a client take the front of an object that S3 holds. */
  const takeFront = async () => {
    key = `${threads}-${++count}.bin`;
    path = `/${key}`;
    it.s3.put(key, OLD, { ETag: '"old"' });
    hold = it.s3.holdBody(key, HELD_AT, 1);
    front = await play(it.port, { path, body: OLD });
    await front.take(HELD_AT / 2);
  };
  /** Asks for a part that S3 has not sent yet; the answer comes while the transfer of the whole is held. */
  const askFar = async (protocol: Protocol, headers: Record<string, string> = {}) => {
    const answer = await ask(it.port, { protocol, path, headers: { Range: FAR_RANGE, ...headers } });
    expect(hold.waiting).toBe(1);
    return answer;
  };
  const expectOldPart = ({ status, headers, body, isComplete }: Answer) => {
    expect([status, isComplete, headers.etag]).toEqual([206, true, '"old"']);
    expect(headers["content-range"]).toBe(`bytes ${FAR.first}-${FAR.last}/${SIZE}`);
    expect(body.equals(OLD.subarray(FAR.first, FAR.last + 1).bytes())).toBe(true);
  };
  const expectNew = async (range?: string) => {
    const whole = await play(it.port, { path, body: NEW, ...(range === undefined ? {} : { range }) });
    expect([whole.status, whole.headers.etag]).toEqual([range === undefined ? 200 : 206, '"new"']);
    return whole.takeAll();
  };

  describe.each([...PROTOCOLS])("over %s", (protocol) => {
    test("a part of an object that has changed is the new version's, and the old one is never mixed with it", async () => {
      await takeFront();
      it.s3.put(key, NEW, { ETag: '"new"' });
      const answer = await askFar(protocol);
      expect([answer.status, answer.isComplete, answer.headers.etag]).toEqual([206, true, '"new"']);
      expect(answer.headers["content-range"]).toBe(`bytes ${FAR.first}-${FAR.last}/${NEW_SIZE}`);
      expectBody(answer, NEW.subarray(FAR.first, FAR.last + 1).bytes(), FAR_RANGE);
      expectNoLeak(answer);
      const part = it.s3.requests.find((request) => request.key === key && request.status === 412);
      expect(part?.headers).toMatchObject({ range: FAR_RANGE, "if-match": '"old"' });
      hold.release();
      await endOf(front);
      expect(await expectNew()).toBe(NEW_SIZE);
      expect(await expectNew("bytes=0-")).toBe(NEW_SIZE);
    });

    test("a part that the new version doesn't have is 416 with the new length", async () => {
      await takeFront();
      it.s3.put(key, NEW.subarray(0, 2_000_000), { ETag: '"new"' });
      const answer = await askFar(protocol);
      expect([answer.status, answer.headers["content-range"]]).toEqual([416, "bytes */2000000"]);
    });

    test("If-Range with the old tag gets the whole new version", async () => {
      await takeFront();
      it.s3.put(key, NEW, { ETag: '"new"' });
      const answer = await askFar(protocol, { "If-Range": '"old"' });
      expect([answer.status, answer.isComplete, answer.headers.etag]).toEqual([200, true, '"new"']);
      expectBody(answer, NEW.bytes(), FAR_RANGE);
    });

    test("a part of an object that was deleted is 404", async () => {
      await takeFront();
      it.s3.delete(key);
      const answer = await askFar(protocol);
      expect(answer.status).toBe(404);
      expectNoLeak(answer);
    });

    test.each([
      ["fails with 503", (s3: Serving["s3"]) => s3.fail(key, 503, "ServiceUnavailable")],
      ["fails with 500", (s3: Serving["s3"]) => s3.fail(key, 500, "InternalError")],
      ["closes the connection", (s3: Serving["s3"]) => s3.closeBeforeHeaders(key)],
      ["ignores the range", (s3: Serving["s3"]) => s3.answer(key, 200, { ETag: '"old"' }, OLD.bytes())],
      [
        "sends another part",
        (s3: Serving["s3"]) =>
          s3.answer(
            key,
            206,
            { ETag: '"old"', "Content-Range": `bytes 0-499999/${SIZE}` },
            OLD.subarray(0, 500_000).bytes(),
          ),
      ],
    ])(
      "where S3 %s, the client gets its part once the transfer is there, and no other one is cut",
      async (_, program) => {
        await takeFront();
        program(it.s3);
        const answer = ask(it.port, { protocol, path, headers: { Range: FAR_RANGE } });
        // The question for the part has been refused; the one for the whole is still held.
        await it.s3.ended(key, 1);
        hold.release();
        expectOldPart(await answer);
        expect(await front.takeAll()).toBe(SIZE);
        // It is stored: S3 would still refuse.
        expect(await (await play(it.port, { path, body: OLD })).takeAll()).toBe(SIZE);
      },
    );

    test.each([
      ["fails with 503", (s3: Serving["s3"]) => s3.fail(key, 503, "ServiceUnavailable", 1)],
      ["fails with 500", (s3: Serving["s3"]) => s3.fail(key, 500, "InternalError", 1)],
      ["breaks off before the first byte", (s3: Serving["s3"]) => s3.cut(key, 0, 1)],
    ])("where S3 %s once, the client doesn't have to wait for the transfer", async (_, program) => {
      await takeFront();
      program(it.s3);
      expectOldPart(await askFar(protocol));
      hold.release();
      expect(await front.takeAll()).toBe(SIZE);
    });

    test("where S3 sends the part of another version, the client gets no byte of it", async () => {
      await takeFront();
      const headers = { ETag: '"new"', "Content-Range": `bytes ${FAR.first}-${FAR.last}/${SIZE}` };
      const removal = it.s3.answer(key, 206, headers, NEW.subarray(FAR.first, FAR.last + 1).bytes());
      const answer = ask(it.port, { protocol, path, headers: { Range: FAR_RANGE } });
      await it.s3.ended(key, 1);
      removal();
      hold.release();
      expectOldPart(await answer);
      expect(await front.takeAll()).toBe(SIZE);
    });

    test("a part that S3 cuts is cut or whole for the client, never other bytes, and whole the next time", async () => {
      await takeFront();
      it.s3.cut(key, 200_000, 1);
      const partial = { path, body: OLD, range: FAR_RANGE };
      const answer = play(it.port, partial);
      await it.s3.ended(key, 1);
      hold.release();
      await endOf(await answer);
      await endOf(front);
      it.s3.clearPrograms();
      expect(await (await play(it.port, partial)).takeAll()).toBe(FAR.last - FAR.first + 1);
      expect(await (await play(it.port, { path, body: OLD })).takeAll()).toBe(SIZE);
    });
  });

  test("who takes the whole while the rest of it changes gets the old one, or knows that it is cut", async () => {
    await takeFront();
    // The rest behind this part has to be asked for by the version.
    const part = await play(it.port, { path, body: OLD, range: FAR_RANGE });
    expect(await part.takeAll()).toBe(FAR.last - FAR.first + 1);
    it.s3.put(key, NEW, { ETag: '"new"' });
    hold.release();
    await endOf(front);
    expect(await expectNew()).toBe(NEW_SIZE);
  });
});
