import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { patternBody } from "./made-body.ts";
import { type MemoryS3, type MemoryS3Options, startMemoryS3 } from "./memory-s3.ts";
import { UNSIGNED_PAYLOAD } from "./sigv4.ts";
import { signRequest } from "./sigv4-sign.ts";

const AWKWARD_KEYS = [
  ..."a|/a|a/|a//b|//|100%.txt|%bad%name%|plus+plus.txt|plus plus.txt|クズ箱/ゴミ.txt|a b/ü+&=.txt".split(
    "|",
  ),
  ..."a|b;c,a\\b,a/b,%2e%2e/x,%252e,a%2Fb,a?b#c,x!'()*~,<img onerror>,😀.txt".split(","),
];

let s3: MemoryS3;
const extra: MemoryS3[] = [];

beforeEach(async () => {
  s3 = await startMemoryS3();
});
afterEach(async () => {
  for (const server of [s3, ...extra.splice(0)]) await server.stop();
});

async function start(options: MemoryS3Options): Promise<MemoryS3> {
  const server = await startMemoryS3(options);
  extra.push(server);
  return server;
}

function get(server: MemoryS3, key: string, headers: Record<string, string> = {}, method = "GET") {
  const signed = signRequest({ method, endpoint: server.endpoint, bucket: server.bucket, key }, server);
  return fetch(signed.url, { method, headers: { ...signed.headers, ...headers }, redirect: "manual" });
}

async function codeOf(answer: Response | Promise<Response>): Promise<string> {
  const settled = await answer;
  return `${settled.status} ${/<Code>(.*)<\/Code>/.exec(await settled.text())?.[1] ?? ""}`;
}

describe("signatures", () => {
  test("a presigned URL of another signer is answered", async () => {
    s3.put("a b/ü+&=.txt", "hello");
    const url = new Bun.S3Client(s3).presign("a b/ü+&=.txt");
    expect(await (await fetch(url)).text()).toBe("hello");
  });
  test("a header-signed request of another signer is answered, for every key that it sends untouched", async () => {
    const client = new Bun.S3Client(s3);
    for (const key of AWKWARD_KEYS.filter((each) => !/^\/|\/$|\\/.test(each))) {
      s3.put(key, `body of ${key}`);
      expect(await client.file(key).text()).toBe(`body of ${key}`);
    }
  });
  test("the hash of no body and an unsigned payload are both good", async () => {
    s3.put("a", "hello");
    const request = { method: "GET", endpoint: s3.endpoint, bucket: s3.bucket, key: "a" };
    for (const payloadHash of [undefined, UNSIGNED_PAYLOAD]) {
      const signed = signRequest({ ...request, ...(payloadHash && { payloadHash }) }, s3);
      expect((await fetch(signed.url, { headers: signed.headers })).status).toBe(200);
    }
  });
  test("a wrong secret, access key or region is refused with the code of S3", async () => {
    s3.put("a", "hello");
    expect(await codeOf(get({ ...s3, secretAccessKey: "no" }, "a"))).toBe("403 SignatureDoesNotMatch");
    expect(await codeOf(get({ ...s3, accessKeyId: "no" }, "a"))).toBe("403 InvalidAccessKeyId");
    const answer = await get({ ...s3, region: "eu-west-1" }, "a");
    const xml = await answer.text();
    expect(answer.status).toBe(400);
    expect(xml).toContain("<Code>AuthorizationHeaderMalformed</Code>");
    expect(xml).toContain("<Region>us-east-1</Region>");
    const presigned = new Bun.S3Client({ ...s3, secretAccessKey: "no" }).presign("a");
    expect(await codeOf(fetch(presigned))).toBe("403 SignatureDoesNotMatch");
  });
  test("a changed path is refused", async () => {
    const url = new Bun.S3Client(s3).presign("a").replace("/a?", "/b?");
    expect(await codeOf(fetch(url))).toBe("403 SignatureDoesNotMatch");
  });
  test("a skewed clock is refused", async () => {
    s3.clockOffsetMs = 3_600_000;
    expect(await codeOf(get(s3, "a"))).toBe("403 RequestTimeTooSkewed");
  });
  test("an unsigned request is refused unless the bucket is public", async () => {
    const open = await start({ public: true });
    for (const server of [s3, open]) server.put("a", "hello");
    expect(await codeOf(fetch(`${s3.endpoint}/test-bucket/a`))).toBe("403 AccessDenied");
    expect(await (await fetch(`${open.endpoint}/test-bucket/a`)).text()).toBe("hello");
  });
});

describe("keys", () => {
  test("every awkward key is its own object", async () => {
    for (const key of AWKWARD_KEYS) s3.put(key, `body of ${key}`);
    for (const key of AWKWARD_KEYS) expect(await (await get(s3, key)).text()).toBe(`body of ${key}`);
    expect(s3.requests.map((request) => request.key)).toEqual(AWKWARD_KEYS);
  });
  test("a bare plus sign in the path is a space, as S3 reads it", async () => {
    const open = await start({ public: true });
    open.put("a b", "with a space");
    expect(await (await fetch(`${open.endpoint}/test-bucket/a+b`)).text()).toBe("with a space");
  });
  test("a broken escape is InvalidURI", async () => {
    expect(await codeOf(fetch(`${s3.endpoint}/test-bucket/%zz`))).toBe("400 InvalidURI");
    expect(await codeOf(fetch(`${s3.endpoint}/test-bucket/%ff`))).toBe("400 InvalidURI");
  });
  test("a missing key or bucket is told as S3 tells it", async () => {
    const unlisted = await start({ listable: false });
    expect(await codeOf(get(s3, "missing"))).toBe("404 NoSuchKey");
    expect(await codeOf(get(unlisted, "missing"))).toBe("403 AccessDenied");
    expect(await codeOf(get({ ...s3, bucket: "other" }, "a"))).toBe("404 NoSuchBucket");
    expect(await codeOf(get(s3, "missing", {}, "HEAD"))).toBe("404 ");
  });
  test("with a region redirect every answer is 301 with the region", async () => {
    const moved = await start({ regionRedirect: "eu-central-1" });
    const answer = await get(moved, "a");
    expect(answer.headers.get("x-amz-bucket-region")).toBe("eu-central-1");
    expect(await codeOf(answer)).toBe("301 PermanentRedirect");
  });
});

describe("objects", () => {
  const headers = {
    "Content-Type": "text/plain",
    "Cache-Control": "max-age=5",
    "Content-Encoding": "identity",
    "x-amz-meta-a": "b",
    "x-amz-website-redirect-location": "/x",
  };
  test("HEAD gives the headers of GET", async () => {
    s3.put("a", "hello", headers);
    const got = await get(s3, "a");
    const head = await get(s3, "a", {}, "HEAD");
    for (const [name, value] of Object.entries(headers)) {
      expect(got.headers.get(name)).toBe(value);
      expect(head.headers.get(name)).toBe(value);
    }
    expect(head.headers.get("content-length")).toBe("5");
    expect(head.headers.get("etag")).toBe('"5d41402abc4b2a76b9719d911017c592"');
    expect(head.headers.get("server")).toBe("AmazonS3");
    expect(await got.text()).toBe("hello");
  });
  test("an empty object has Content-Length 0", async () => {
    s3.put("empty", "");
    expect((await get(s3, "empty")).headers.get("content-length")).toBe("0");
  });
  test("conditions give 304 with the validators, or 412", async () => {
    s3.put("a", "hello", { ETag: '"v1"', "Last-Modified": "Tue, 01 Jul 2025 00:00:00 GMT", ...headers });
    const notModified = await get(s3, "a", { "If-None-Match": 'W/"x", "v1"' });
    expect(notModified.status).toBe(304);
    expect(notModified.headers.get("etag")).toBe('"v1"');
    expect(notModified.headers.get("cache-control")).toBe("max-age=5");
    expect((await get(s3, "a", { "If-None-Match": '"v2"' })).status).toBe(200);
    const since = { "If-Modified-Since": "Tue, 01 Jul 2025 00:00:00 GMT" };
    expect((await get(s3, "a", since)).status).toBe(304);
    expect((await get(s3, "a", { ...since, "If-None-Match": '"v2"' })).status).toBe(200);
    expect(await codeOf(get(s3, "a", { "If-Match": '"v2"' }))).toBe("412 PreconditionFailed");
    expect((await get(s3, "a", { "If-Match": '"v1"' })).status).toBe(200);
  });
  test.each([
    ["bytes=0-3", 206, "0123", "bytes 0-3/10"],
    ["bytes=-3", 206, "789", "bytes 7-9/10"],
    ["bytes=8-99", 206, "89", "bytes 8-9/10"],
    ["bytes=0-1,3-4", 200, "0123456789", null],
    ["bytes=5-2", 200, "0123456789", null],
  ])("Range %s gives %d", async (range, status, body, contentRange) => {
    s3.put("digits", "0123456789");
    const answer = await get(s3, "digits", { Range: range });
    expect([answer.status, await answer.text(), answer.headers.get("content-range")]).toEqual([
      status,
      body,
      contentRange,
    ]);
  });
  test("a body may be made as it is sent, in parts too", async () => {
    const body = patternBody(200_000, 1);
    s3.put("made", body);
    const whole = Buffer.from(await (await get(s3, "made")).arrayBuffer());
    expect(whole.equals(body.bytes())).toBe(true);
    const part = await get(s3, "made", { Range: "bytes=70001-150000" });
    expect(part.headers.get("content-range")).toBe("bytes 70001-150000/200000");
    expect(Buffer.from(await part.arrayBuffer()).equals(whole.subarray(70_001, 150_001))).toBe(true);
    s3.put("made", patternBody(200_000, 2));
    expect(await codeOf(get(s3, "made", { "If-Match": part.headers.get("etag")! }))).toBe(
      "412 PreconditionFailed",
    );
    expect((await (await get(s3, "made")).arrayBuffer()).byteLength).toBe(200_000);
  });
  test("a Range beyond the end is InvalidRange with the size", async () => {
    s3.put("digits", "0123456789");
    const answer = await get(s3, "digits", { Range: "bytes=10-" });
    expect(await answer.clone().text()).toContain("<ActualObjectSize>10</ActualObjectSize>");
    expect(await codeOf(answer)).toBe("416 InvalidRange");
  });
});
