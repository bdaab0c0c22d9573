import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startBackend } from "../support/backend.ts";
import { ask, PROTOCOLS } from "../support/client.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import type { S3Backend } from "../support/s3-backend.ts";
import { AUTH_KEY, expectEveryWay, type Serving, startServing } from "./serving.ts";

/** Keys that a real S3 server with a file system behind it can hold too, with their paths as browsers write them. */
const KEYS_ANYWHERE: readonly (readonly [key: string, path: string])[] = [
  ["plain.txt", "/plain.txt"],
  ["plus+plus.txt", "/plus+plus.txt"],
  ["plus+encoded.txt", "/plus%2Bencoded.txt"],
  ["100%.txt", "/100%25.txt"],
  ["%bad%name%", "/%25bad%25name%25"],
  ["%41.txt", "/%2541.txt"],
  ["%252e", "/%25252e"],
  ["クズ箱/ゴミ.txt", `/${encodeURIComponent("クズ箱")}/${encodeURIComponent("ゴミ.txt")}`],
  ["a b/ü+&=.txt", "/a%20b/%c3%bc+&=.txt"],
  ["a|b;c", "/a|b;c"],
  ["a|b;d", "/a%7Cb%3Bd"],
  ["😀.txt", "/%F0%9F%98%80.txt"],
  ["hash#question?.txt", "/hash%23question%3F.txt"],
  ['<img src=x onerror="a">.html', "/%3Cimg%20src=x%20onerror=%22a%22%3E.html"],
  ["javascript:alert(1)", "/javascript:alert(1)"],
  ["it's (here)!*~$,@.txt", "/it's%20(here)!*~$,@.txt"],
  ["...dots", "/...dots"],
  [".hidden", "/.hidden"],
  ["Case.txt", "/Case.txt"],
  ["deep/er/index.html", "/deep/er/"],
  ["index.html", "/"],
];

/** Keys that a file system would take for others. */
const KEYS_OF_S3_ALONE: readonly (readonly [key: string, path: string])[] = [
  ["a//b", "/a//b"],
  ["a/b", "/a/b"],
  ["a/b", "/a%2Fb"],
  ["/a", "//a"],
  ["a", "/a"],
  ["//two", "///two"],
  ["a\\b", "/a%5Cb"],
  ["a%5Cb", "/a%255Cb"],
  ["a//index.html", "/a//"],
  ["/index.html", "//"],
  ["case.txt", "/case.txt"],
  ["Case.txt", "/Case.txt"],
  ["a ", "/a%20"],
  ["é", "/%C3%A9"],
  ["e\u0301", "/e%CC%81"],
];

const TOO_LONG: readonly (readonly [what: string, path: string])[] = [
  ["of 1,025 bytes", `/${"x".repeat(1025)}`],
  ["of 513 characters that take 1,026 bytes", `/${"%C3%BC".repeat(513)}`],
  ["that index.html makes longer than 1,024 bytes", `/${"x".repeat(1020)}/`],
];

describe("with a real S3 server program", () => {
  let s3: S3Backend;
  let proxy: RunningProxy;
  beforeAll(async () => {
    s3 = await startBackend();
    for (const [key] of KEYS_ANYWHERE) await s3.put(key, `body of ${key}`);
    proxy = await startProxy({ s3, args: ["--auth-key", AUTH_KEY] });
  });
  afterAll(async () => {
    await proxy?.stop();
    await s3?.stop();
  });

  test.each([...KEYS_ANYWHERE])("key %p is served at %p", async (key, path) => {
    await expectEveryWay(proxy.port, path, { status: 200, body: `body of ${key}` });
  });
  test.each(["/deep/", "/missing", "/plus%20plus.txt", "/100%2525.txt", "/%2525bad%2525name%2525"])(
    "%p, which names no key, is 404",
    async (path) => {
      await expectEveryWay(proxy.port, path, { status: 404 });
    },
  );
});

describe("with a bucket that holds any key", () => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing();
    for (const [key] of KEYS_OF_S3_ALONE) it.s3.put(key, `body of ${key}`);
  });
  afterAll(() => it?.stop());

  test.each([...KEYS_OF_S3_ALONE])("key %p is served at %p", async (key, path) => {
    await expectEveryWay(it.port, path, { status: 200, body: `body of ${key}` });
    expect(it.s3.countOf(key)).toBeGreaterThan(0);
  });

  test.each([
    ["ASCII", "x".repeat(1024), `/${"x".repeat(1024)}`],
    ["two-byte characters", "ü".repeat(512), `/${"%C3%BC".repeat(512)}`],
  ])("a key of 1,024 bytes in %s is served", async (...row) => {
    const [, key, path] = row;
    it.s3.put(key, "the longest");
    await expectEveryWay(it.port, path, { status: 200, body: "the longest" });
  });

  test.each(PROTOCOLS)("over %s a path of unencoded UTF-8 names the key it spells", async (protocol) => {
    it.s3.put("ゴミ/ü.txt", "raw");
    // The HTTP/2 client writes each character as one byte.
    const utf8 = Buffer.from("/ゴミ/ü.txt");
    const path = protocol === "HTTP/2" ? utf8.toString("latin1") : utf8.toString();
    expect((await ask(it.port, { protocol, path })).text).toBe("raw");
  });

  test("two spellings of one key are one object, fetched once", async () => {
    it.s3.put("one key.txt", "once");
    for (const protocol of PROTOCOLS) {
      for (const path of ["/one%20key.txt", "/%6Fne%20key%2Etxt", "/one%20key.txt?x=1", "/one%20key%2etxt"]) {
        expect((await ask(it.port, { protocol, path })).text).toBe("once");
      }
    }
    expect(it.s3.countOf("one key.txt")).toBe(1);
  });

  test("a path is decoded once: %252e stays the key %2e", async () => {
    it.s3.put("%2e%2e/%2fx", "literal");
    await expectEveryWay(it.port, "/%252e%252e/%252fx", { status: 200, body: "literal" });
  });

  test.each([...TOO_LONG])("a key %s is 404 and S3 is not asked", async (...row) => {
    const [, path] = row;
    const before = it.s3.countOf("*");
    await expectEveryWay(it.port, path, { status: 404 });
    expect(it.s3.countOf("*")).toBe(before);
  });

  test("an unencoded backslash is what the listener makes of it, a slash", async () => {
    for (const protocol of PROTOCOLS) {
      expect((await ask(it.port, { protocol, path: "/a\\b" })).text).toBe("body of a/b");
    }
  });
});
