/** `--website-config`: what the bucket's own website configuration says. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Answer, ask, PROTOCOLS } from "../support/client.ts";
import { startMemoryS3 } from "../support/memory-s3.ts";
import { startProxy } from "../support/proxy.ts";
import { until } from "../support/site.ts";
import { askEveryWay, expectEveryWay, expectNoLeak, type Serving } from "./serving.ts";

const AUTH_KEY = "sesame+open/09~=";
const configuration = (inner: string) =>
  `<WebsiteConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</WebsiteConfiguration>`;
const DOCUMENTS =
  "<IndexDocument><Suffix>home.htm</Suffix></IndexDocument><ErrorDocument><Key>oops.html</Key></ErrorDocument>";
const rule = (condition: string, redirect: string) =>
  `<RoutingRule><Condition>${condition}</Condition><Redirect>${redirect}</Redirect></RoutingRule>`;
const RULES = [
  rule("<KeyPrefixEquals>old/</KeyPrefixEquals>", "<ReplaceKeyPrefixWith>new/</ReplaceKeyPrefixWith>"),
  rule("<KeyPrefixEquals>old/x</KeyPrefixEquals>", "<HostName>never.example</HostName>"),
  rule(
    "<KeyPrefixEquals>shop/</KeyPrefixEquals>",
    "<Protocol>https</Protocol><HostName>shop.example</HostName><ReplaceKeyPrefixWith/><HttpRedirectCode>302</HttpRedirectCode>",
  ),
  rule(
    "<KeyPrefixEquals>archive/</KeyPrefixEquals><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals>",
    "<ReplaceKeyWith>archive/home.htm</ReplaceKeyWith><HttpRedirectCode>307</HttpRedirectCode>",
  ),
  rule(
    "<HttpErrorCodeReturnedEquals>405</HttpErrorCodeReturnedEquals>",
    "<HostName>never.example</HostName>",
  ),
].join("");
const FULL = configuration(`${DOCUMENTS}<RoutingRules>${RULES}</RoutingRules>`);

/** Starts with what the bucket says at that moment. */
async function startWith(website: string | undefined, args: string[] = [], threads = 1): Promise<Serving> {
  const s3 = await startMemoryS3();
  s3.website = website;
  s3.put("home.htm", "home");
  s3.put("index.html", "index");
  s3.put("oops.html", "oops");
  s3.put("archive/there", "there");
  const flags = ["--website-config", "--auth-key", AUTH_KEY, "--ttl", "1", ...args];
  const proxy = await startProxy({ s3, threads, args: flags });
  const stop = async () => {
    await proxy.stop();
    await s3.stop();
  };
  return { s3, proxy, port: proxy.port, stop };
}

const get = async (it: Serving, path: string): Promise<Answer> => ask(it.port, { path });

describe.each([1, 2])("with --threads %p", (threads) => {
  let it: Serving;
  beforeAll(async () => {
    it = await startWith(FULL, [], threads);
  });
  afterAll(() => it?.stop());

  test("the documents are the bucket's from the first request on", async () => {
    await expectEveryWay(it.port, "/", { status: 200, body: "home" });
    await expectEveryWay(it.port, "/missing", { status: 404, body: "oops" });
  });
  test.each([
    ["/old/a%20b?q=1", 301, "/new/a%20b?q=1"],
    ["/old/x", 301, "/new/x"],
    ["/old/", 301, "/new/"],
    ["/old//evil.example", 301, "/new//evil.example"],
    ["/shop//evil.example", 302, "https://shop.example/%2Fevil.example"],
    ["/archive/gone", 307, "/archive/home.htm"],
    ["/archive/gone/", 307, "/archive/home.htm"],
  ])("%s is %d to %s", async (path, status, location) => {
    for (const { way, answer } of await askEveryWay(it.port, path)) {
      expect([way, answer.status, answer.headers.location]).toEqual([way, status, location]);
      expect([way, answer.body.length, answer.isComplete]).toEqual([way, 0, true]);
      expectNoLeak(answer, way);
    }
  });
  test("what no rule is about is answered as ever, and another method isn't redirected", async () => {
    await expectEveryWay(it.port, "/archive/there", { status: 200, body: "there" });
    for (const protocol of PROTOCOLS)
      expect((await ask(it.port, { protocol, method: "POST", path: "/old/x" })).status).toBe(405);
  });
});

test("everything is sent to another host where the bucket says so, and stays with it", async () => {
  const all = "<RedirectAllRequestsTo><HostName>other.example</HostName></RedirectAllRequestsTo>";
  const it = await startWith(configuration(all));
  for (const [path, location] of [
    ["/", "//other.example/"],
    ["/a%20b?c", "//other.example/a%20b?c"],
    ["//evil.example", "//other.example/%2Fevil.example"],
  ] as const) {
    for (const { way, answer } of await askEveryWay(it.port, path))
      expect([way, answer.status, answer.headers.location]).toEqual([way, 301, location]);
  }
  await it.stop();
});

test("--index-document and --error-document win over the bucket's", async () => {
  const it = await startWith(FULL, ["--index-document", "index.html", "--error-document", "index.html"]);
  expect((await get(it, "/")).text).toBe("index");
  const missing = await get(it, "/missing");
  expect([missing.status, missing.text]).toEqual([404, "index"]);
  expect((await get(it, "/old/x")).status).toBe(301);
  await it.stop();
});

test.each([1, 2])(
  "a change in the bucket is seen with %p threads, also of what was held",
  async (threads) => {
    const it = await startWith(undefined, ["--force-ttl"], threads);
    await it.proxy.line(/ warn .*no website configuration/);
    for (let times = 0; times < 8; times++) expect((await get(it, "/")).text).toBe("index");
    it.s3.website = FULL;
    await it.proxy.line(/ Website configuration read index=home.htm error=oops.html rules=5/);
    for (let times = 0; times < 8; times++) await until(async () => (await get(it, "/")).text === "home");
    it.s3.website = undefined;
    await until(async () => (await get(it, "/")).text === "index");
    await it.stop();
  },
);

test("what a path meant when it was asked for isn't held for what it means now", async () => {
  const it = await startWith(undefined, ["--force-ttl", "--ttl", "3"]);
  const hold = it.s3.hold("index.html");
  const early = get(it, "/");
  await hold.arrived;
  it.s3.website = FULL;
  await it.proxy.line(/ Website configuration read /);
  hold.release();
  expect((await early).text).toBe("index");
  expect((await get(it, "/")).text).toBe("home");
  await it.stop();
});

test.each([
  ["refuses", 403, "AccessDenied", /allow s3:GetBucketWebsite/],
  ["fails", 500, "InternalError", /InternalError/],
  ["doesn't know the question", 501, "NotImplemented", /NotImplemented/],
])(
  "an S3 that %s is logged, the options count, and it is asked again",
  async (_what, status, code, reason) => {
    const s3 = await startMemoryS3();
    s3.fail("", status, code, 1);
    s3.website = FULL;
    s3.put("home.htm", "home");
    s3.put("index.html", "index");
    const hold = s3.hold("");
    const starting = startProxy({ s3, args: ["--website-config"] });
    await hold.arrived;
    hold.release(1);
    const proxy = await starting;
    expect(await proxy.line(/ warn .*website configuration can't be read/)).toMatch(reason);
    expect((await ask(proxy.port, { path: "/" })).text).toBe("index");
    hold.release();
    await proxy.line(/ Website configuration read /);
    expect((await ask(proxy.port, { path: "/" })).text).toBe("home");
    await proxy.stop();
    await s3.stop();
  },
);

test("an S3 that fails later changes nothing", async () => {
  const it = await startWith(FULL);
  it.s3.fail("", 500, "InternalError");
  await it.proxy.line(/ warn .*website configuration can't be read/);
  expect((await get(it, "/")).text).toBe("home");
  expect((await get(it, "/old/x")).status).toBe(301);
  await it.stop();
});

test("what isn't a configuration, or has no end, is a failure", async () => {
  const it = await startWith("<html></html>");
  await it.proxy.line(/ warn .*website configuration can't be read/);
  it.s3.website = FULL.replace("<Index", `<!--${"x".repeat(2 * 2 ** 20)}--><Index`);
  const complaints = () => it.proxy.stdout().split("configuration can't be read").length - 1;
  const before = complaints();
  // The one under way may have been answered before the change.
  await until(() => complaints() >= before + 2);
  expect((await get(it, "/")).text).toBe("index");
  await it.stop();
});

test("without --website-config the bucket isn't asked", async () => {
  const s3 = await startMemoryS3();
  s3.website = FULL;
  s3.put("index.html", "index");
  const proxy = await startProxy({ s3 });
  expect((await ask(proxy.port, { path: "/" })).text).toBe("index");
  expect(s3.countOf("")).toBe(0);
  await proxy.stop();
  await s3.stop();
});
