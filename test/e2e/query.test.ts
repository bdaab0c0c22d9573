import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ask, PROTOCOLS } from "../support/client.ts";
import { expectEveryWay, type Serving, startServing } from "./serving.ts";

const QUERIES = [
  "?",
  "?x=1",
  "?list-type=2",
  "?list-type=2&prefix=secret",
  "?acl",
  "?policy",
  "?uploads",
  "?versionId=1",
  "?partNumber=1",
  "?response-content-type=text/html",
  "?response-content-disposition=attachment",
  "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=k&X-Amz-Signature=s",
  "?a=%zz%00%ff",
  "?a=../../b",
  "??",
];

describe("a query string", () => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing();
    it.s3.put("page.html", "page", { "Content-Type": "text/html" });
    it.s3.put("index.html", "home");
    it.s3.put("what?x=1", "the question mark is in the key");
  });
  afterAll(() => it?.stop());

  test.each(QUERIES)("%p is ignored and never sent to S3", async (query) => {
    const before = it.s3.requests.length;
    const all = await expectEveryWay(it.port, `/page.html${query}`, { status: 200, body: "page" });
    for (const { answer } of all) {
      expect(answer.headers["content-type"]).toBe("text/html");
      expect(answer.headers["content-disposition"]).toBeUndefined();
    }
    await expectEveryWay(it.port, `/${query}`, { status: 200, body: "home" });
    const asked = it.s3.requests.slice(before);
    expect(asked.map(({ key }) => key)).toEqual([
      ...Array(4).fill("page.html"),
      ...Array(4).fill("index.html"),
    ]);
    for (const { query: sent } of asked) expect(sent).toEqual({});
  });
  test("is no part of what is cached", async () => {
    it.s3.put("cached.txt", "once");
    for (const protocol of PROTOCOLS) {
      for (const query of ["", "?a", "?b=2", "?"]) {
        expect((await ask(it.port, { protocol, path: `/cached.txt${query}` })).text).toBe("once");
      }
    }
    expect(it.s3.countOf("cached.txt")).toBe(1);
  });
  test("that is encoded is a part of the key", async () => {
    await expectEveryWay(it.port, "/what%3Fx=1", { status: 200, body: "the question mark is in the key" });
  });
});

describe.each([
  ["--reject-query-strings", ["--reject-query-strings"], {}],
  ["-j true", ["-j", "true"], {}],
  ["REJECT_QUERY_STRINGS=true", [], { REJECT_QUERY_STRINGS: "true" }],
] as const)("with %s", (_how, args, environment) => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing({ args, environment });
    it.s3.put("page.html", "page");
    it.s3.put("what?x=1", "the question mark is in the key");
  });
  afterAll(() => it?.stop());

  test.each(["?x=1", "?list-type=2", "?a=b?c"])(
    "a request with %p gets 400 and S3 is not asked",
    async (query) => {
      const before = it.s3.countOf("*");
      await expectEveryWay(it.port, `/page.html${query}`, { status: 400 });
      expect(it.s3.countOf("*")).toBe(before);
    },
  );
  test("a request with one gets 400 also where the object is hot", async () => {
    for (const protocol of PROTOCOLS) {
      expect((await ask(it.port, { protocol, path: "/page.html" })).status).toBe(200);
      expect((await ask(it.port, { protocol, path: "/page.html?x" })).status).toBe(400);
    }
  });
  test("a request without one, or with an encoded question mark, is served", async () => {
    await expectEveryWay(it.port, "/page.html", { status: 200, body: "page" });
    await expectEveryWay(it.port, "/what%3Fx=1", { status: 200, body: "the question mark is in the key" });
  });
});
