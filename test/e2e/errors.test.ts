import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keptIn } from "../support/cache-directory.ts";
import { ask, PROTOCOLS, type Protocol } from "../support/client.ts";
import { askStreamed } from "../support/streamed-answer.ts";
import { expectEveryWay, makeCold, type Serving, startServing } from "./serving.ts";

const LARGE = "x".repeat(200_000);
/** What may be gone at once, so that S3 is asked once more about the first of several requests. */
const ASKED_AGAIN: ReadonlySet<string> = new Set([
  "InternalError",
  "NotImplemented",
  "InvalidArgument",
  "MethodNotAllowed",
  "PreconditionFailed",
]);
/** What S3 answers, and what the client then sees: never 404. */
const FAILURES: readonly (readonly [status: number, code: string, seen: number])[] = [
  [500, "InternalError", 502],
  [501, "NotImplemented", 502],
  [503, "SlowDown", 503],
  [503, "ServiceUnavailable", 503],
  [429, "TooManyRequests", 503],
  [400, "SlowDown", 503],
  [403, "InvalidAccessKeyId", 502],
  [403, "SignatureDoesNotMatch", 502],
  [400, "ExpiredToken", 502],
  [400, "InvalidToken", 502],
  [403, "RequestTimeTooSkewed", 502],
  [403, "AccountProblem", 502],
  [400, "AuthorizationHeaderMalformed", 502],
  [401, "Unauthorized", 502],
  [404, "NoSuchBucket", 502],
  [301, "PermanentRedirect", 502],
  [307, "TemporaryRedirect", 502],
  [403, "InvalidObjectState", 502],
  [400, "InvalidArgument", 502],
  [405, "MethodNotAllowed", 502],
  [412, "PreconditionFailed", 502],
];
/** Answers that are no error document, and not the whole object either. */
const STRANGE: readonly (readonly [
  what: string,
  status: number,
  headers: Record<string, string>,
  body: string,
])[] = [
  ["a part nobody asked for", 206, { "Content-Range": "bytes 0-3/9" }, "part"],
  ["no content", 204, {}, ""],
  ["not modified, which nobody asked for", 304, {}, ""],
  ["a redirect", 302, { Location: "https://evil.example/?X-Amz-Signature=s" }, ""],
  ["an error page that is no XML", 500, { "Content-Type": "text/html" }, "<h1>nginx</h1>"],
  ["an error that is cut XML", 503, {}, "<Error><Code>Slow"],
];

/** What `expectFailure` expects beside the status. */
interface ExpectedFailure {
  /** What the object is once S3 is well again. */
  readonly body?: string;
  /** Whether S3 gets a second chance. */
  readonly isAskedAgain: boolean;
  /** True where a kept connection may be closed: then Bun asks once more by itself. */
  readonly mayBunAskToo?: boolean;
}

/** The right bytes so far, and then no end. */
const BROKEN_OFF = { status: 200, bytes: 100_000, isRight: true, isComplete: false, isStuck: false };

/** Asks for `LARGE`, which S3 cuts off once the client has so many bytes. */
async function breakOff({ s3, port }: Serving, protocol: Protocol, key: string, bytes: number) {
  const hold = s3.holdBody(key, bytes, 1);
  s3.cut(key, bytes, 1);
  const answer = askStreamed(port, { protocol, path: `/${key}`, body: Buffer.from(LARGE) });
  await answer.has(bytes);
  hold.release();
  return answer.ended;
}

let it: Serving;
beforeAll(async () => {
  it = await startServing();
  it.s3.put("well", "well");
});
afterAll(() => it?.stop());
afterEach(() => it.s3.clearPrograms());

describe("S3 answers", () => {
  test.each([...FAILURES])(
    "%p %s: the client gets %p, nothing of S3's words, and the next answer is fresh",
    async (...row) => {
      const [status, code, seen] = row;
      it.s3.put("page.html", "page");
      it.s3.fail("page.html", status, code);
      await expectFailure("/page.html", seen, { isAskedAgain: ASKED_AGAIN.has(code) });
    },
  );
  test.each([...STRANGE])("%s: the client gets 502 or 503, and the next answer is fresh", async (...row) => {
    const [, status, headers, body] = row;
    it.s3.put("page.html", "page");
    it.s3.answer("page.html", status, headers, body);
    const isAskedAgain = status !== 503 && status !== 302;
    await expectFailure("/page.html", status === 503 ? 503 : 502, { isAskedAgain });
  });
  test("a redirect: it is not followed", async () => {
    it.s3.put("page.html", "page");
    it.s3.answer("page.html", 302, { Location: `${it.s3.endpoint}/${it.s3.bucket}/elsewhere` });
    it.s3.answer("elsewhere", 200, {}, "elsewhere");
    await expectFailure("/page.html", 502, { isAskedAgain: false });
    expect(it.s3.countOf("elsewhere")).toBe(0);
  });
  test("nothing, and closes the connection: the client gets 502", async () => {
    it.s3.put("page.html", "page");
    it.s3.closeBeforeHeaders("page.html");
    await expectFailure("/page.html", 502, { isAskedAgain: true, mayBunAskToo: true });
  });
  test.each([
    ["small", 10_000, 4000],
    ["small, before any byte", 10_000, 0],
    ["large, before any byte", LARGE.length, 0],
  ])("a body that is cut (%s): the client gets 502 and nothing is kept", async (_what, size, afterBytes) => {
    const body = LARGE.slice(0, size);
    it.s3.put("page.html", body);
    it.s3.cut("page.html", afterBytes);
    await expectFailure("/page.html", 502, { isAskedAgain: true, body });
  });
  test.each([...PROTOCOLS])(
    "a large body that is cut when some of it is sent, over %s: the answer breaks off, the next is whole",
    async (protocol) => {
      await makeCold(it.port);
      it.s3.put("cut", LARGE);
      const before = it.s3.countOf("cut");
      expect(await breakOff(it, protocol, "cut", 100_000)).toEqual(BROKEN_OFF);
      expect(it.s3.countOf("cut") - before).toBe(1);
      const next = await ask(it.port, { protocol, path: "/cut" });
      expect([next.status, next.isComplete, next.text === LARGE]).toEqual([200, true, true]);
      expect(it.s3.countOf("cut") - before).toBe(2);
    },
  );
  test("only bodies that are cut: the cache directory is empty at the end", async () => {
    const cacheDir = mkdtempSync(join(tmpdir(), "s3proxy-cut-"));
    const cutting = await startServing({ cacheDir });
    for (const protocol of PROTOCOLS) {
      const refused = `small-${protocol.at(-1)}`;
      cutting.s3.put(refused, LARGE.slice(0, 10_000));
      cutting.s3.cut(refused, 9_999);
      expect((await ask(cutting.port, { protocol, path: `/${refused}` })).status).toBe(502);
      const broken = `large-${protocol.at(-1)}`;
      cutting.s3.put(broken, LARGE);
      expect(await breakOff(cutting, protocol, broken, 100_000)).toEqual(BROKEN_OFF);
    }
    await cutting.stop();
    expect(keptIn(cacheDir)).toEqual([]);
    rmSync(cacheDir, { recursive: true });
  });
  test("KeyTooLongError: the key names nothing, 404", async () => {
    it.s3.fail("long", 400, "KeyTooLongError");
    await expectEveryWay(it.port, "/long", { status: 404 });
  });

  /** Every way `status` without a cached copy, S3 asked each time, and the object as soon as S3 is well again. */
  async function expectFailure(
    path: string,
    status: number,
    { body = "page", isAskedAgain, mayBunAskToo = false }: ExpectedFailure,
  ): Promise<void> {
    await makeCold(it.port);
    // Once S3 is known to be failing there is no retry, and the answer that is well makes it forgotten.
    expect((await ask(it.port, { path: "/well" })).text).toBe("well");
    const before = it.s3.countOf("page.html");
    const all = await expectEveryWay(it.port, path, { status });
    const asked = it.s3.countOf("page.html") - before;
    const wanted = all.length + (isAskedAgain ? 1 : 0);
    if (mayBunAskToo) expect(asked).toBeGreaterThanOrEqual(wanted);
    else expect(asked).toBe(wanted);
    for (const { way, method, answer } of all) {
      expect([way, answer.headers["cache-control"]]).toEqual([way, "no-store"]);
      expect(answer.headers["cache-status"]).toStartWith("s3proxy; fwd=uri-miss; detail=origin-");
      expect(answer.headers.location).toBeUndefined();
      expect(answer.headers.etag).toBeUndefined();
      expect(answer.headers["content-type"]).toBe("text/html; charset=utf-8");
      if (method === "GET") expect(answer.text).toContain(`<title>${status} `);
      expect(answer.text).not.toContain("nginx");
    }
    it.s3.clearPrograms();
    for (const protocol of PROTOCOLS) {
      const well = await ask(it.port, { protocol, path });
      expect([well.status, well.text === body]).toEqual([200, true]);
    }
  }
});

test("a missing key is 404 with a small clean page, remembered, and the same for every key", async () => {
  const pages = new Set<string>();
  for (const path of ["/missing.html", "/%3Cscript%3Ealert(1)%3C/script%3E", "/clean/"]) {
    const before = it.s3.countOf("*");
    for (const { way, method, isCold, answer } of await expectEveryWay(it.port, path, { status: 404 })) {
      expect([way, answer.headers["content-type"]]).toEqual([way, "text/html; charset=utf-8"]);
      expect([way, answer.headers["x-content-type-options"]]).toEqual([way, "nosniff"]);
      expect(answer.headers["content-security-policy"]).toContain("default-src 'none'");
      expect([way, answer.headers["cache-status"]?.includes("; hit; ")]).toEqual([way, !isCold]);
      expect(Number(answer.headers["content-length"])).toBeLessThan(1000);
      if (method === "GET") pages.add(answer.text);
    }
    // Cold four times: a name may also be a folder's.
    expect(it.s3.countOf("*") - before).toBe(path.endsWith("/") ? 4 : 8);
  }
  expect(pages.size).toBe(1);
  expect([...pages][0]).toContain("<title>404 Not found</title>");
});

test("HEAD of an error says the length of the page that GET has", async () => {
  it.s3.fail("broken", 500, "InternalError");
  for (const path of ["/missing.html", "/broken", "/a%00"]) {
    for (const protocol of PROTOCOLS) {
      const [page, head] = [
        await ask(it.port, { protocol, path }),
        await ask(it.port, { protocol, path, method: "HEAD" }),
      ];
      expect([path, head.status, head.text]).toEqual([path, page.status, ""]);
      expect(head.headers["content-length"]).toBe(String(page.body.length));
      expect(Object.keys(head.headers).sort()).toEqual(Object.keys(page.headers).sort());
    }
  }
});

test("credentials that are refused from one moment on are never a 404, and what is cached is served on", async () => {
  it.s3.put("cached", "still here");
  await makeCold(it.port);
  await ask(it.port, { path: "/cached" });
  for (const code of ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"]) {
    it.s3.fail("*", 403, code);
    for (const protocol of PROTOCOLS) {
      for (const path of ["/other", "/missing"]) {
        expect((await ask(it.port, { protocol, path })).status).toBe(502);
      }
      expect((await ask(it.port, { protocol, path: "/cached" })).text).toBe("still here");
    }
    it.s3.clearPrograms();
  }
  expect((await ask(it.port, { path: "/missing" })).status).toBe(404);
});
