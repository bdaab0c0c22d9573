import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ask, PROTOCOLS, parseAnswer, sendRaw } from "../support/client.ts";
import { expectEveryWay, type Serving, startServing } from "./serving.ts";

const TRAVERSALS = [
  "/%2e%2e%2fother/x",
  "/%2E%2E%2Fother/x",
  "/..%2fother/x",
  "/.%2e%2fother/x",
  "/..%5cother%5cx",
  "/%2e%2e%5cother",
  "/a/..%2f..%2f..%2fother",
  "/a%2f..%2fb",
  "/a%2f..",
  "/a%5c..",
  "/a%2f.%2fb",
  "/.%2fa",
  "/a%2f.",
];
const UNREADABLE = [
  "/%00",
  "/a%00.txt",
  "/a%0d%0aX-Injected:%201",
  "/%0a",
  "/%09",
  "/%1b[31m",
  "/%7f",
  "/%c2%85",
  "/%ff",
  "/%c3",
  "/%c3%28",
  "/%c0%af",
  "/%ed%a0%80",
  "/%f4%90%80%80",
  "/%zz",
  "/%",
  "/%4",
  "/a%2",
  "/100%.txt",
];

let it: Serving;
let page: string;

beforeAll(async () => {
  // Secret objects stand where a path that got out of the prefix would lead to.
  it = await startServing({ args: ["--prefix", "site"] });
  for (const key of ["other", "other/x", "b", "x", "a", "a/b"]) it.s3.put(key, "outside");
  it.s3.put("site/page.html", "<h1>page</h1>");
  it.s3.put("site/b", "inside b");
  page = (await ask(it.port, { path: "/page.html" })).text;
});
afterAll(() => it?.stop());

describe("a path that no key can be read from", () => {
  test.each([...TRAVERSALS, ...UNREADABLE])("%p is 400 and S3 is not asked", async (path) => {
    const before = it.s3.countOf("*");
    const all = await expectEveryWay(it.port, path, { status: 400 });
    expect(it.s3.countOf("*")).toBe(before);
    for (const { way, answer } of all)
      expect({ way, injected: answer.headers["x-injected"] }).toEqual({ way, injected: undefined });
  });

  test.each([
    ["bytes that are not UTF-8", [0x2f, 0xff, 0xfe]],
    ["a cut character", [0x2f, 0xc3]],
  ])("%s in it, not encoded, are 400 and S3 is not asked", async (_what, bytes) => {
    const before = it.s3.countOf("*");
    const target = Buffer.from(bytes);
    const raw = Buffer.concat([Buffer.from("GET "), target, Buffer.from(" HTTP/1.1\r\nHost: a\r\n\r\n")]);
    expect((await firstAnswer(raw)).status).toBe(400);
    const overHttp2 = await ask(it.port, { protocol: "HTTP/2", path: target.toString("latin1") });
    expect(overHttp2.status).toBe(400);
    expect(it.s3.countOf("*")).toBe(before);
  });

  test.each(["/../b", "/%2e%2e/b", "/x/../../b", "/./b", "/%2E/b"])(
    "%p, which the listener resolves, never leads out of the prefix",
    async (path) => {
      await expectEveryWay(it.port, path, { status: 200, body: "inside b" });
    },
  );

  test("dot segments that arrive without a Host header are 400, for nothing resolves them", async () => {
    for (const path of ["/../other", "/%2e%2e/other", "/./page.html"]) {
      expect((await firstAnswer(`GET ${path} HTTP/1.0\r\n\r\n`)).status).toBe(400);
    }
  });

  test("control characters in it, not encoded, never reach S3", async () => {
    const before = it.s3.countOf("*");
    for (const character of ["\x01", "\x0b", "\x1f", "\x7f", "\t"]) {
      const answer = await firstAnswer(
        `GET /a${character}b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
      );
      expect(answer.status).toBeGreaterThanOrEqual(400);
      const overHttp2 = ask(it.port, { protocol: "HTTP/2", path: `/a${character}b` });
      await expect(overHttp2.then(({ status }) => `answered ${status}`)).rejects.toThrow(
        "NGHTTP2_PROTOCOL_ERROR",
      );
    }
    expect(it.s3.countOf("*")).toBe(before);
  });
});

describe("the Host header", () => {
  test.each(["evil/x?", "a b", "a,b", "a@b", "a#b", "<x>", "a\\b", "a%zz", "ü", "a:b", ""])(
    "%p is 400",
    async (host) => {
      const answer = await ask(it.port, { path: "/page.html", headers: { Host: host } });
      expect(answer.status).toBe(400);
    },
  );
  test.each(["evil/x?", "a b", "a,b", "<x>"])("%p as the authority of HTTP/2 is 400", async (host) => {
    const answer = await ask(it.port, { protocol: "HTTP/2", path: "/page.html", headers: { Host: host } });
    expect(answer.status).toBe(400);
  });
  test.each(["127.0.0.1", "EXAMPLE.com:8000", "[::1]:80", "a.b-c.example"])(
    "%p is taken over both protocols, and changes nothing",
    async (host) => {
      for (const protocol of PROTOCOLS) {
        const answer = await ask(it.port, { protocol, path: "/page.html", headers: { Host: host } });
        expect({ protocol, status: answer.status, text: answer.text }).toEqual({
          protocol,
          status: 200,
          text: page,
        });
      }
    },
  );
  test.each([
    ["two of them", "Host: a\r\nHost: b\r\n"],
    ["two that agree", "Host: a\r\nHost: a\r\n"],
    ["none over HTTP/1.1", ""],
  ])("%s is 400", async (_what, lines) => {
    const raw = `GET /page.html HTTP/1.1\r\n${lines}Connection: close\r\n\r\n`;
    expect((await firstAnswer(raw)).status).toBe(400);
  });
  test.each([
    ["without one", ""],
    ["with one", "Host: a\r\n"],
  ])("HTTP/1.0 %s is served", async (_what, line) => {
    const answer = await firstAnswer(`GET /page.html HTTP/1.0\r\n${line}\r\n`);
    expect([answer.status, answer.text]).toEqual([200, page]);
  });
  test("is of no account beside an absolute target", async () => {
    const answer = await ask(it.port, { path: "http://other.example/page.html" });
    expect([answer.status, answer.text]).toEqual([200, page]);
  });
});

test.each([
  ["X-Forwarded-Host", "evil.example"],
  ["X-Forwarded-Proto", "gopher"],
  ["X-Forwarded-For", "10.0.0.1"],
  ["Forwarded", "for=10.0.0.1;host=evil.example;proto=https"],
  ["X-Original-URL", "/b"],
  ["X-Rewrite-URL", "/b"],
  ["X-HTTP-Method-Override", "DELETE"],
  ["X-Method-Override", "HEAD"],
  ["X-Host", "evil.example"],
  ["Authorization", "Bearer not-for-s3"],
  ["Cookie", "session=1"],
  ["Accept-Encoding", "gzip, br"],
  ["Cache-Control", "no-cache"],
  ["X-Oversized", "x".repeat(8000)],
])("a %s header changes no byte of the answer and is not sent to S3", async (name, value) => {
  const plain = await expectEveryWay(it.port, "/page.html", { status: 200, body: page });
  const before = it.s3.requests.length;
  const changed = await expectEveryWay(it.port, "/page.html", { status: 200, body: page }, { [name]: value });
  for (const [index, { way, answer }] of changed.entries()) {
    const { date, expires, age, "cache-status": status, ...headers } = answer.headers;
    const { date: _1, expires: _2, age: _3, "cache-status": _4, ...before } = plain[index]!.answer.headers;
    expect({ way, headers, hasOwn: [date, expires, age, status].every(Boolean) }).toEqual({
      way,
      headers: before,
      hasOwn: true,
    });
  }
  const asked = it.s3.requests.slice(before);
  expect(asked.length).toBe(4);
  for (const { headers } of asked) expect(JSON.stringify(headers)).not.toContain(value);
});

describe("a body in a GET", () => {
  // Bun drops a connection on which a request comes while the one before it still waits, so both are hot.
  beforeAll(async () => {
    for (const path of ["/page.html", "/b"]) await ask(it.port, { path });
  });
  const next = "GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const request = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
  const large = request.repeat(3000);
  test.each([
    ["with a length", "Content-Length: 5\r\n\r\nhello"],
    ["in chunks", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
    ["that looks like a request", `Content-Length: ${request.length}\r\n\r\n${request}`],
    ["of more than 64 KiB", `Content-Length: ${large.length}\r\n\r\n${large}`],
  ])("%s is ignored, and the next request of the connection is answered", async (_what, rest) => {
    const raw = await sendRaw(it.port, `GET /page.html HTTP/1.1\r\nHost: a\r\n${rest}${next}`);
    const text = raw.toString();
    expect(text.match(/HTTP\/1\.1 \d{3}/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 200"]);
    expect(text.indexOf(page)).toBeGreaterThan(0);
    expect(text.endsWith("inside b")).toBe(true);
  });
  test("is 400 where its length is said in two ways", async () => {
    const two = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    const raw = await sendRaw(it.port, `GET /page.html HTTP/1.1\r\nHost: a\r\n${two}${next}`);
    expect(raw.toString().match(/HTTP\/1\.1 \d{3}/g)).toEqual(["HTTP/1.1 400"]);
  });
});

describe("what the listener answers by itself", () => {
  test.each([
    ["an unknown method closes the connection", "FOO /page.html HTTP/1.1", 0],
    ["a method in lower case closes the connection", "get /page.html HTTP/1.1", 0],
    ["OPTIONS * is 400", "OPTIONS * HTTP/1.1", 400],
    ["a space in the path is 505", "GET /page .html HTTP/1.1", 505],
    ["a target that is no path is 400", "GET page.html HTTP/1.1", 400],
  ])("over HTTP/1.1 %s, and S3 is not asked", async (_what, line, status) => {
    const before = it.s3.countOf("*");
    const raw = await sendRaw(it.port, `${line}\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect(raw.length === 0 ? 0 : parseAnswer(raw).status).toBe(status);
    expect(it.s3.countOf("*")).toBe(before);
  });
  test("over HTTP/2 an unknown method is 501 and a space in the path is a stream error", async () => {
    const before = it.s3.countOf("*");
    const foo = await ask(it.port, { protocol: "HTTP/2", method: "FOO", path: "/page.html" });
    expect(foo.status).toBe(501);
    await expect(ask(it.port, { protocol: "HTTP/2", path: "/page .html" })).rejects.toThrow("PROTOCOL_ERROR");
    expect(it.s3.countOf("*")).toBe(before);
  });
});

async function firstAnswer(raw: string | Uint8Array) {
  const text = typeof raw === "string" ? raw : Buffer.from(raw).toString("latin1");
  const closing = text.includes("Connection: close") || text.includes("HTTP/1.0");
  const bytes = closing
    ? raw
    : Buffer.from(text.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"), "latin1");
  return parseAnswer(await sendRaw(it.port, bytes));
}
