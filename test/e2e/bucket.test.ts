/** How a bucket is reached and how it is taken: --prefix, --no-sign, --virtual-host, --region, and who may list it. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ask, PROTOCOLS } from "../support/client.ts";
import { startGate } from "../support/gate.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import { EMPTY_BODY_SHA256 } from "../support/sigv4.ts";
import { verifySignature } from "../support/sigv4-verify.ts";
import { AUTH_KEY, expectEveryWay, type Serving, startServing } from "./serving.ts";

describe.each([
  ["--prefix site", ["--prefix", "site"], {}, "site/"],
  ["--prefix /site/", ["--prefix", "/site/"], {}, "site/"],
  ["S3_PREFIX=a b/ü+", [], { S3_PREFIX: "a b/ü+" }, "a b/ü+/"],
] as const)("with %s", (_how, args, environment, prefix) => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing({ args, environment });
    it.s3.put(`${prefix}page.html`, "inside");
    it.s3.put(`${prefix}index.html`, "home");
    it.s3.put(`${prefix}/double`, "double");
    it.s3.put("page.html", "outside");
    it.s3.put("only-outside.html", "outside");
    it.s3.put(`${prefix.slice(0, -1)}-other/page.html`, "outside");
  });
  afterAll(() => it?.stop());

  test("only what is under the prefix is served", async () => {
    await expectEveryWay(it.port, "/page.html", { status: 200, body: "inside" });
    await expectEveryWay(it.port, "/", { status: 200, body: "home" });
    await expectEveryWay(it.port, "//double", { status: 200, body: "double" });
    for (const path of [
      "/only-outside.html",
      `/${encodeURIComponent(prefix)}page.html`,
      "/-other/page.html",
    ]) {
      await expectEveryWay(it.port, path, { status: 404 });
    }
    const outside = it.s3.requests.filter(({ key }) => !key.startsWith(prefix));
    expect(outside.map(({ key }) => key)).toEqual([]);
  });
});

describe("AccessDenied on one key", () => {
  test("is 403 where the bucket says 404 to a key that can't exist", async () => {
    const it = await startServing({ bucket: { listable: true } });
    it.s3.fail("denied", 403, "AccessDenied");
    for (const { way, method, answer } of await expectEveryWay(it.port, "/denied", { status: 403 })) {
      if (method === "GET") expect([way, answer.text.includes("403 Forbidden")]).toEqual([way, true]);
      expect(answer.headers["cache-control"]).toBe("no-store");
    }
    await expectEveryWay(it.port, "/missing", { status: 404 });
    expect(it.s3.requests[0]?.key).toStartWith(".s3proxy-probe/");
    await it.stop();
  });
  test("is 404 where the bucket says AccessDenied to that too, and the log has the hint", async () => {
    const it = await startServing({ bucket: { listable: false } });
    it.s3.put("page.html", "page");
    it.s3.fail("denied", 403, "AccessDenied");
    await expectEveryWay(it.port, "/denied", { status: 404 });
    await expectEveryWay(it.port, "/missing", { status: 404 });
    await expectEveryWay(it.port, "/page.html", { status: 200, body: "page" });
    expect(await it.proxy.line(/ S3 fetch .*key=denied/)).toContain("AccessDenied");
    expect(await it.proxy.line(/ S3 fetch .*key=missing/)).toContain("AccessDenied");
    expect(it.proxy.stdout()).toContain("s3:ListBucket");
    await it.stop();
  });
  test.each([
    [true, 403],
    [false, 404],
  ])(
    "is told apart later where S3 could not be asked at the start (listable: %p, %p)",
    async (listable, status) => {
      const s3 = await startMemoryS3({ listable });
      const gate = await startGate(s3.endpoint);
      await gate.refuse(true);
      const proxy = await startProxy({
        s3: { ...s3, endpoint: gate.endpoint },
        args: ["--auth-key", AUTH_KEY],
      });
      await gate.refuse(false);
      s3.fail("denied", 403, "AccessDenied");
      await expectEveryWay(proxy.port, "/denied", { status });
      await proxy.stop();
      await gate.stop();
      await s3.stop();
    },
  );
});

describe("with --no-sign", () => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing({ bucket: { public: true }, args: ["--no-sign"] });
    it.s3.put("a b/ü+&=.txt", "public");
  });
  afterAll(() => it?.stop());

  test("a public bucket is served by requests without a signature", async () => {
    await expectEveryWay(it.port, "/a%20b/%C3%BC+&=.txt", { status: 200, body: "public" });
    await expectEveryWay(it.port, "/missing", { status: 404 });
    for (const { headers, query } of it.s3.requests) {
      expect(
        Object.keys(headers).filter((name) => name === "authorization" || name.startsWith("x-amz")),
      ).toEqual([]);
      expect(query).toEqual({});
    }
  });
});

describe("a session token", () => {
  test("goes with every request", async () => {
    const s3 = await startMemoryS3({ sessionToken: "the/session+token==" });
    s3.put("page.html", "page");
    const proxy = await startProxy({
      s3,
      args: ["--session-token", "the/session+token==", "--auth-key", AUTH_KEY],
    });
    await expectEveryWay(proxy.port, "/page.html", { status: 200, body: "page" });
    await proxy.stop();
    await s3.stop();
  });
});

describe("a region", () => {
  test("is what requests are signed for", async () => {
    const it = await startServing({ bucket: { region: "eu-central-2" } });
    it.s3.put("page.html", "page");
    await expectEveryWay(it.port, "/page.html", { status: 200, body: "page" });
    await it.stop();
  });
});

describe("with --virtual-host", () => {
  const account = {
    accessKeyId: "AKIAVIRTUALHOST00000",
    secretAccessKey: "virtual/secret",
    region: "us-east-1",
  };
  const endpoint = "http://s3.test:9000";
  let s3: MemoryS3;
  let forward: Bun.Server<undefined>;
  let proxy: RunningProxy;
  const asked: string[] = [];
  beforeAll(async () => {
    // Stands where an HTTP forward proxy would, so that no name needs to be resolved.
    forward = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request) {
        const host = request.headers.get("host") ?? "";
        const path = decodeURIComponent(request.url.slice(request.url.indexOf("/", 8)));
        const headers = [...request.headers] as [string, string][];
        const received = { method: request.method, path, query: [], headers, bodySha256: EMPTY_BODY_SHA256 };
        const { kind } = verifySignature(received, { ...account, nowMs: Date.now() });
        asked.push(`${kind} ${host} ${path}`);
        return path === "/a b+c.txt" ? new Response("virtual") : new Response("", { status: 404 });
      },
    });
    s3 = await startMemoryS3();
    const environment = { HTTP_PROXY: `http://127.0.0.1:${forward.port}`, NO_PROXY: "" };
    const args = ["--virtual-host", "--auth-key", AUTH_KEY];
    proxy = await startProxy({ s3: { ...account, bucket: "my-site", endpoint }, args, environment });
  });
  afterAll(async () => {
    await proxy?.stop();
    await forward?.stop(true);
    await s3?.stop();
  });

  test("the bucket is in the host name and not in the path, and the signature covers that", async () => {
    await expectEveryWay(proxy.port, "/a%20b+c.txt", { status: 200, body: "virtual" });
    expect(asked.filter((line) => line.includes("a b"))).toEqual(
      Array(4).fill("signed my-site.s3.test:9000 /a b+c.txt"),
    );
  });
});

test.each([...PROTOCOLS])("over %s path style is used with --endpoint otherwise", async (protocol) => {
  const it = await startServing();
  it.s3.put("page.html", "page");
  expect((await ask(it.port, { protocol, path: "/page.html" })).text).toBe("page");
  expect(it.s3.requests.at(-1)?.rawPath).toBe(`/${it.s3.bucket}/page.html`);
  await it.stop();
});
