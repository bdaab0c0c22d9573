import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { ask, PROTOCOLS, parseAnswer, sendRaw } from "../support/client.ts";
import { AUTH_KEY, CLEAR_PATH, expectEveryWay, expectNoLeak, type Serving, startServing } from "./serving.ts";

const LARGE = new Uint8Array(100_000).fill(120);
const BEARER = `Bearer ${AUTH_KEY}`;

/** What an Authorization header is answered; undefined for none. */
const LADDER: readonly (readonly [what: string, authorization: string | undefined, status: number])[] = [
  ["no header", undefined, 401],
  ["the Basic scheme", `Basic ${btoa(`user:${AUTH_KEY}`)}`, 400],
  ["the Digest scheme", "Digest username=x", 400],
  ["a scheme that begins like it", `Bearers ${AUTH_KEY}`, 400],
  ["the token alone", AUTH_KEY, 400],
  ["the scheme alone", "Bearer", 400],
  ["an empty header", "", 400],
  ["a wrong token", "Bearer wrong", 403],
  ["a token that begins like it", `Bearer ${AUTH_KEY.slice(0, -1)}`, 403],
  ["a longer token", `${BEARER}x`, 403],
  ["a token in another case", `Bearer ${AUTH_KEY.toUpperCase()}`, 403],
  ["two tokens", `${BEARER}, ${BEARER}`, 403],
];

/** Spellings of the endpoint that are not the endpoint, with what they are answered with the right token. */
const OTHER_SPELLINGS: readonly (readonly [path: string, status: number])[] = [
  ["/%5fproxy/_private/_cache/clear", 405],
  ["/%5Fproxy/_private/_cache/clear", 405],
  ["/_proxy%2f_private/_cache/clear", 405],
  ["//_proxy/_private/_cache/clear", 405],
  ["/_PROXY/_private/_cache/clear", 405],
  ["/_Proxy/_private/_cache/clear", 405],
  ["/%255fproxy/_private/_cache/clear", 405],
  ["/_proxy;/_private/_cache/clear", 405],
  ["/_proxy;x=y/_private/_cache/clear", 405],
  ["/;/_proxy/_private/_cache/clear", 405],
  ["/_proxy%3f/_private/_cache/clear", 405],
  ["/_proxy%20/_private/_cache/clear", 405],
  ["/%EF%BC%BFproxy/_private/_cache/clear", 405],
  ["/_proxy%EF%BC%8F_private/_cache/clear", 405],
  ["///_proxy/_private/_cache/clear", 405],
  ["/x//_proxy/_private/_cache/clear", 405],
  ["/x/..%2f_proxy/_private/_cache/clear", 405],
  ["/_proxy%5c_private%5c_cache%5cclear", 405],
  ["/_proxy/%5fprivate/_cache/clear", 404],
  ["/_proxy/_private/_cache/%63lear", 404],
  ["/_proxy//_private/_cache/clear", 404],
  ["/_proxy/_private/_cache/CLEAR", 404],
  ["/_proxy/_private/_cache/clear;", 404],
  ["/_proxy/_private/_cache/clear;x=y", 404],
  ["/_proxy/_private/_cache/clear%20", 404],
  ["/_proxy/_private/_cache/clear%3fkey=a", 404],
  ["/_proxy/_private/_cache%2fclear", 404],
  ["/_proxy/_private;/_cache/clear", 404],
  ["/_proxy/x/..%2f_private/_cache/clear", 404],
  ["/_proxy/_private/_cache/clear/", 404],
  ["/_proxy/_private/_cache/clear/x", 404],
  ["/_proxy/_private/_cache/clear%00", 404],
  ["/_proxy/_private/_cache", 404],
  ["/_proxy/", 404],
];

let it: Serving;

beforeAll(async () => {
  it = await startServing({ threads: 2 });
  for (const key of ["a", "b", "c"]) it.s3.put(key, `body of ${key}`);
  it.s3.put("large", LARGE);
  for (const key of ["x", "_private/_cache/clear", "index.html"])
    it.s3.put(`_proxy/${key}`, "must not be served");
});
afterAll(() => it?.stop());

describe.each([...PROTOCOLS])("over %s", (protocol) => {
  const clear = (authorization: string | undefined, path = CLEAR_PATH, method = "DELETE") =>
    ask(it.port, {
      protocol,
      method,
      path,
      headers: authorization === undefined ? {} : { Authorization: authorization },
    });
  const fetches = async (key: string) => {
    const before = it.s3.countOf(key);
    expect((await ask(it.port, { protocol, path: `/${key}` })).status).toBe(200);
    return it.s3.countOf(key) - before;
  };
  beforeEach(async () => {
    await clear(BEARER);
    await fetches("a");
  });

  test.each([...LADDER])("%s is answered with the status due, and nothing is cleared", async (...row) => {
    const [, authorization, status] = row;
    const answer = await clear(authorization);
    expect(answer.status).toBe(status);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(typeof (JSON.parse(answer.text) as { error: unknown }).error).toBe("string");
    expect(answer.text).not.toContain(AUTH_KEY);
    expect(answer.headers["cache-control"]).toBe("no-store");
    if (status === 401) expect(answer.headers["www-authenticate"]).toStartWith("Bearer");
    expect(await fetches("a")).toBe(0);
  });
  test.each(["GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS"])(
    "%s is 405 with Allow: DELETE, with the right token too",
    async (method) => {
      for (const authorization of [undefined, BEARER]) {
        const answer = await clear(authorization, CLEAR_PATH, method);
        expect([answer.status, answer.headers.allow]).toEqual([405, "DELETE"]);
      }
      expect(await fetches("a")).toBe(0);
    },
  );
  test("the right token clears memory and disk, and the answer counts the objects", async () => {
    for (const key of ["b", "c", "large"]) await fetches(key);
    const cached = readdirSync(it.proxy.cacheDir).length;
    expect(cached).toBeGreaterThan(0);
    const answer = await clear(BEARER);
    expect([answer.status, answer.text.trim()]).toEqual([200, '{"cleared":4}']);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect(readdirSync(it.proxy.cacheDir).filter((name) => /^[0-9a-f]{64}$/.test(name))).toEqual([]);
    for (const key of ["a", "b", "c", "large"]) expect(await fetches(key)).toBe(1);
    expect((await clear(BEARER)).text.trim()).toBe('{"cleared":4}');
    expect((await clear(BEARER)).text.trim()).toBe('{"cleared":0}');
  });
  test("the scheme may be in any case", async () => {
    expect((await clear(`bearer ${AUTH_KEY}`)).status).toBe(200);
    expect(await fetches("a")).toBe(1);
  });
  test("a replaced object is served after it", async () => {
    it.s3.put("a", "new");
    expect((await ask(it.port, { protocol, path: "/a" })).text).toBe("body of a");
    await clear(BEARER);
    expect((await ask(it.port, { protocol, path: "/a" })).text).toBe("new");
    it.s3.put("a", "body of a");
  });
  test("a missing key that was remembered is asked for again after it", async () => {
    expect((await ask(it.port, { protocol, path: "/later" })).status).toBe(404);
    it.s3.put("later", "there now");
    expect((await ask(it.port, { protocol, path: "/later" })).status).toBe(404);
    await clear(BEARER);
    expect((await ask(it.port, { protocol, path: "/later" })).text).toBe("there now");
    it.s3.delete("later");
  });
  test.each([...OTHER_SPELLINGS])("%p does not reach it", async (path, status) => {
    const before = it.s3.countOf("*");
    const answer = await clear(BEARER, path);
    expect(answer.status).toBe(status);
    expect(it.s3.countOf("*")).toBe(before);
    expect(await fetches("a")).toBe(0);
  });
  test.each([
    "/x/../_proxy/_private/_cache/clear",
    "/_proxy/./_private/_cache/clear",
    "/_proxy\\_private/_cache/clear",
    "/x/%2e%2e/_proxy/_private/_cache/clear",
    "/x/.%2E/_proxy/_private/_cache/clear",
    "/_proxy/x/../_private/_cache/clear",
    "/../../_proxy/_private/_cache/clear",
  ])("%p, which the listener resolves, asks for the token all the same", async (path) => {
    for (const [, authorization, status] of LADDER) {
      expect((await clear(authorization, path)).status).toBe(status);
    }
    expect(await fetches("a")).toBe(0);
  });
});

test.each(["http://evil", "https://127.0.0.1:1", "http://user@evil"])(
  "as an absolute target at %p it asks for the token all the same",
  async (origin) => {
    for (const [, authorization, status] of LADDER) {
      const headers = authorization === undefined ? undefined : { Authorization: authorization };
      const path = `${origin}${CLEAR_PATH}`;
      const answer = await ask(it.port, { method: "DELETE", path, ...(headers && { headers }) });
      expect(answer.status).toBe(status);
    }
  },
);

test("without a Host header nothing resolves a path to it", async () => {
  const raw = `DELETE /x/../_proxy/_private/_cache/clear HTTP/1.0\r\nAuthorization: ${BEARER}\r\n\r\n`;
  expect(parseAnswer(await sendRaw(it.port, raw)).status).toBe(405);
});

test.each([
  "/_proxy/x",
  "/_proxy/",
  "/_proxy/index.html",
  "/_proxy/missing",
  "/%5fproxy/x",
  "/_proxy%2fx",
  "/%5fproxy/",
  "/%5fproxy/_private/_cache/clear",
  "/_proxy/_private/",
])("%p is 404 though the bucket has objects below _proxy/, and S3 is not asked", async (path) => {
  const before = it.s3.countOf("*");
  const all = await expectEveryWay(it.port, path, { status: 404 });
  for (const { answer } of all) expect(answer.text).not.toContain("must not be served");
  expect(it.s3.countOf("*")).toBe(before);
});

describe("without --auth-key", () => {
  let closed: Serving;
  beforeAll(async () => {
    closed = await startServing({ args: [], isClosed: true });
    closed.s3.put("a", "body of a");
  });
  afterAll(() => closed?.stop());

  test.each([...PROTOCOLS])("over %s no token opens the endpoint", async (protocol) => {
    await ask(closed.port, { protocol, path: "/a" });
    const before = closed.s3.countOf("a");
    for (const token of ["x", AUTH_KEY, "undefined", "null", "false", '""']) {
      const headers = { Authorization: `Bearer ${token}` };
      const answer = await ask(closed.port, { protocol, method: "DELETE", path: CLEAR_PATH, headers });
      expect([token, answer.status]).toEqual([token, 403]);
      expectNoLeak(answer);
    }
    const empty = { protocol, method: "DELETE", path: CLEAR_PATH, headers: { Authorization: "Bearer" } };
    expect((await ask(closed.port, empty)).status).toBe(400);
    expect((await ask(closed.port, { protocol, method: "DELETE", path: CLEAR_PATH })).status).toBe(401);
    await ask(closed.port, { protocol, path: "/a" });
    expect(closed.s3.countOf("a")).toBe(before);
  });
});
