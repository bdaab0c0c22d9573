import { keptIn } from "../support/cache-directory.ts";
/** Objects that may not be stored: each answer comes from S3 and is handed on. */

import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "node:net";
import { ask, PROTOCOLS } from "../support/client.ts";
import {
  arrivesWhole,
  askEveryWay,
  expectBody,
  expectEveryWay,
  expectNoLeak,
  makeCold,
  type Serving,
  startServing,
} from "./serving.ts";

setDefaultTimeout(20_000);

const HEADERS = {
  ETag: '"p1"',
  "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT",
  "Content-Type": "text/x-own",
  "Content-Language": "en",
  "Content-Disposition": 'attachment; filename="p"',
  "Content-Encoding": "gzip",
  "x-amz-meta-colour": "blue",
  "Set-Cookie": "a=b",
};
const LARGE = new Uint8Array(3_000_000).map((_, at) => (at * 31 + (at >>> 8)) & 0xff);
/** So much that a cut after half of it comes when the client has long had the head. */
const HALF = LARGE.length / 2;

describe.each([1, 2])("with %p thread(s)", (threads) => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing({ threads });
  });
  afterAll(() => it?.stop());
  afterEach(() => it.s3.clearPrograms());

  describe.each([
    "no-store",
    "private",
    "private, max-age=100",
    "No-Store, max-age=100",
    'private="set-cookie"',
  ])("an object of Cache-Control: %s", (cacheControl) => {
    test("is asked of S3 each time, and its headers are passed on", async () => {
      await makeCold(it.port);
      it.s3.put("passed", "body", { ...HEADERS, "Cache-Control": cacheControl });
      await ask(it.port, { path: "/passed" });
      for (const protocol of PROTOCOLS) {
        for (const method of ["GET", "HEAD"]) {
          const before = it.s3.countOf("passed");
          const answer = await ask(it.port, { protocol, method, path: "/passed" });
          expect([protocol, method, it.s3.countOf("passed") - before]).toEqual([protocol, method, 1]);
          expect(answer.text).toBe(method === "GET" ? "body" : "");
          expect([answer.status, answer.isComplete]).toEqual([200, true]);
          expect(answer.headers).toMatchObject({
            "cache-control": cacheControl,
            "cache-status": "s3proxy; fwd=uri-miss; detail=not-stored",
            "content-length": "4",
            etag: '"p1"',
            "last-modified": "Wed, 21 Oct 2015 07:28:00 GMT",
            "content-type": "text/x-own",
            "content-language": "en",
            "content-disposition": 'attachment; filename="p"',
            "content-encoding": "gzip",
            age: "0",
          });
          expect(answer.headers.date).toBe(answer.headers.expires);
          expect(answer.headers["set-cookie"]).toBeUndefined();
          expectNoLeak(answer);
        }
      }
    });
  });

  test("nothing of it is written to disk or kept, so that a change is seen at once", async () => {
    for (const body of ["one", "two", "three"]) {
      it.s3.put("changing", body, { "Cache-Control": "no-store" });
      for (const protocol of PROTOCOLS) {
        expect((await ask(it.port, { protocol, path: "/changing" })).text).toBe(body);
      }
    }
    it.s3.put("passed-large", LARGE, { "Cache-Control": "no-store" });
    await expectEveryWay(it.port, "/passed-large", { status: 200, body: LARGE });
    expect(keptIn(it.proxy.cacheDir)).toEqual([]);
  });
  test.each([0, 10, 65_536])("of %p bytes arrives byte for byte, with its length", async (size) => {
    const body = LARGE.subarray(0, size);
    it.s3.put("sized", body, { "Cache-Control": "private" });
    for (const { way, answer } of await expectEveryWay(it.port, "/sized", { status: 200, body })) {
      expect([way, answer.headers["content-length"]]).toEqual([way, String(size)]);
    }
  });
  test.each([65_537, LARGE.length])(
    "of %p bytes arrives byte for byte, and HEAD says its length",
    async (size) => {
      const body = LARGE.subarray(0, size);
      it.s3.put("sized", body, { "Cache-Control": "private" });
      for (const { way, method, answer } of await expectEveryWay(it.port, "/sized", { status: 200, body })) {
        // Bun sends a body that it gets in pieces without a length.
        if (method === "HEAD") expect([way, answer.headers["content-length"]]).toEqual([way, String(size)]);
      }
    },
  );
  test.each([
    ["GET", { "If-None-Match": '"p1"' }],
    ["HEAD", { "If-None-Match": '"p1"' }],
    ["GET", { "If-Modified-Since": "Wed, 21 Oct 2015 07:28:00 GMT" }],
  ] as const)("%s with %p is 304 with the validators", async (method, headers) => {
    it.s3.put("passed", "body", { ...HEADERS, "Cache-Control": "no-store" });
    for (const protocol of PROTOCOLS) {
      const answer = await ask(it.port, { protocol, method, path: "/passed", headers });
      expect([answer.status, answer.text, answer.isComplete]).toEqual([304, "", true]);
      expect(answer.headers).toMatchObject({ etag: '"p1"', "cache-control": "no-store" });
      expect(answer.headers["content-type"]).toBeUndefined();
      expect(answer.headers["content-length"]).toBeUndefined();
    }
  });
  test("cut by S3 it is incomplete for the client too, and whole the next time", async () => {
    it.s3.put("cut", LARGE, { "Cache-Control": "no-store" });
    await ask(it.port, { path: "/cut" });
    for (const protocol of PROTOCOLS) {
      it.s3.cut("cut", HALF, 1);
      expect([protocol, await arrivesWhole(it.port, { protocol, path: "/cut" })]).toEqual([protocol, false]);
      const whole = await ask(it.port, { protocol, path: "/cut" });
      expect(whole.isComplete).toBe(true);
      expectBody(whole, LARGE, protocol);
    }
  });
  test("small and cut by S3 it is 502", async () => {
    it.s3.put("cut", "0123456789", { "Cache-Control": "no-store" });
    await ask(it.port, { path: "/cut" });
    it.s3.cut("cut", 4);
    for (const protocol of PROTOCOLS) {
      expect((await ask(it.port, { protocol, path: "/cut" })).status).toBe(502);
    }
  });
  test("that S3 fails to give is 502 or 503, that is gone is 404, that is refused is 403", async () => {
    it.s3.put("passed", "body", { "Cache-Control": "no-store" });
    await ask(it.port, { path: "/passed" });
    for (const [status, code, seen] of [
      [500, "InternalError", 502],
      [503, "SlowDown", 503],
      [403, "InvalidAccessKeyId", 502],
      [403, "AccessDenied", 403],
      [404, "NoSuchKey", 404],
    ] as const) {
      it.s3.fail("passed", status, code);
      for (const protocol of PROTOCOLS) {
        for (const method of ["GET", "HEAD"]) {
          const answer = await ask(it.port, { protocol, method, path: "/passed" });
          expect([code, answer.status, answer.headers["cache-control"]]).toEqual([code, seen, "no-store"]);
          expectNoLeak(answer);
        }
      }
      it.s3.clearPrograms();
    }
  });
  test("that has another Cache-Control later is stored after a clear", async () => {
    it.s3.put("later", "body", { "Cache-Control": "no-store" });
    await ask(it.port, { path: "/later" });
    it.s3.put("later", "body", { "Cache-Control": "max-age=100" });
    for (const { way, isCold, answer } of await askEveryWay(it.port, "/later")) {
      expect([way, answer.headers["cache-status"]?.includes("; hit")]).toEqual([way, !isCold]);
    }
  });
  test("a client that leaves ends the transfer from S3", async () => {
    it.s3.put("left", LARGE, { "Cache-Control": "no-store" });
    await ask(it.port, { path: "/left" });
    const before = it.s3.countOf("left");
    const hold = it.s3.holdBody("left", HALF);
    const socket = connect(it.port, "127.0.0.1", () => socket.write("GET /left HTTP/1.1\r\nHost: a\r\n\r\n"));
    socket.resume();
    await hold.arrived;
    socket.destroy();
    await it.s3.ended("left", before + 1);
    expect(it.s3.requests.findLast(({ key }) => key === "left")?.outcome).toBe("aborted");
  });
  test("clients at the same time each get their own answer", async () => {
    it.s3.put("many", "body", { "Cache-Control": "private" });
    await ask(it.port, { path: "/many" });
    const before = it.s3.countOf("many");
    const hold = it.s3.hold("many");
    const answers = Array.from({ length: 6 }, (_, at) =>
      ask(it.port, { protocol: PROTOCOLS[at % 2]!, path: "/many" }),
    );
    await hold.arrivals(6);
    hold.release();
    for (const answer of await Promise.all(answers)) expect(answer.text).toBe("body");
    expect(it.s3.countOf("many") - before).toBe(6);
  });
});
