import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { anyText } from "../../test/support/any-text.ts";
import { canonicalQuery, encodeKey, type Signable, Signer } from "./signature.ts";

// "Signature Calculations for the Authorization Header: Examples", Amazon S3 API reference.
const CREDENTIALS = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};
const DAY_MS = 24 * 60 * 60_000;
const AT_MS = Date.UTC(2013, 4, 24);
const HOST = "examplebucket.s3.amazonaws.com";

interface Vector {
  readonly title: string;
  readonly request: Signable;
  readonly signedHeaders: string;
  readonly signature: string;
}
const vectors: readonly Vector[] = [
  {
    title: "GET Object",
    request: { method: "GET", host: HOST, path: "/test.txt", headers: { range: "bytes=0-9" } },
    signedHeaders: "host;range;x-amz-content-sha256;x-amz-date",
    signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  },
  {
    title: "GET Bucket Lifecycle",
    request: { method: "GET", host: HOST, path: "/", query: { lifecycle: "" } },
    signedHeaders: "host;x-amz-content-sha256;x-amz-date",
    signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
  },
  {
    title: "GET Bucket (List Objects)",
    request: { method: "GET", host: HOST, path: "/", query: { prefix: "J", "max-keys": "2" } },
    signedHeaders: "host;x-amz-content-sha256;x-amz-date",
    signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
  },
];

describe.each([...vectors])("the published example $title", ({ request, signedHeaders, signature }) => {
  test("is signed as published", () => {
    expect(new Signer("us-east-1").sign(request, CREDENTIALS, AT_MS)).toEqual({
      ...request.headers,
      "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "x-amz-date": "20130524T000000Z",
      authorization:
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request," +
        `SignedHeaders=${signedHeaders},Signature=${signature}`,
    });
  });
  test("is signed as published also by a signer that has signed on other days and with other secrets", () => {
    const signer = new Signer("us-east-1");
    const sign = (nowMs: number, secretAccessKey = CREDENTIALS.secretAccessKey) =>
      signer.sign(request, { ...CREDENTIALS, secretAccessKey }, nowMs).authorization;
    sign(AT_MS - DAY_MS);
    expect(sign(AT_MS)).toEndWith(`Signature=${signature}`);
    sign(AT_MS + DAY_MS);
    sign(AT_MS, "other");
    expect(sign(AT_MS)).toEndWith(`Signature=${signature}`);
    expect(sign(AT_MS)).toEndWith(`Signature=${signature}`);
  });
});

test("the session token is sent and signed", () => {
  const request = { method: "GET", host: HOST, path: "/" };
  const signed = new Signer("eu-west-1").sign(request, { ...CREDENTIALS, sessionToken: "token" }, AT_MS);
  expect(signed["x-amz-security-token"]).toBe("token");
  expect(signed.authorization).toInclude(
    "/20130524/eu-west-1/s3/aws4_request,SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,",
  );
  const other = new Signer("eu-west-1").sign(request, { ...CREDENTIALS, sessionToken: "t" }, AT_MS);
  expect(other.authorization).not.toBe(signed.authorization);
});

test("headers are signed in the order of their names, in whatever order they are given", () => {
  const signer = new Signer("eu-west-1");
  const sign = (headers: Record<string, string>) =>
    signer.sign({ method: "GET", host: HOST, path: "/", headers }, CREDENTIALS, AT_MS).authorization;
  const authorization = sign({ "x-amz-b": "1", accept: "2", range: "3" });
  expect(authorization).toInclude("SignedHeaders=accept;host;range;x-amz-b;x-amz-content-sha256;x-amz-date,");
  expect(sign({ range: "3", accept: "2", "x-amz-b": "1" })).toBe(authorization!);
});

describe("canonicalQuery", () => {
  test.each([
    { query: {}, canonical: "" },
    { query: { b: "2", a: "1" }, canonical: "a=1&b=2" },
    { query: { "a b": "c/d+e=f&g" }, canonical: "a%20b=c%2Fd%2Be%3Df%26g" },
    { query: { é: "~._-" }, canonical: "%C3%A9=~._-" },
    // Sorted by name, so "a" comes before "a-b" and "a1" although "-" and "1" come before "=".
    { query: { "a-b": "1", a1: "2", a: "3" }, canonical: "a=3&a-b=1&a1=2" },
  ])("is $canonical", ({ query, canonical }) => {
    expect(canonicalQuery(query)).toBe(canonical);
  });
});

describe("encodeKey", () => {
  test.each([
    { key: "a/b.html", encoded: "a/b.html" },
    { key: "plus+plus.txt", encoded: "plus%2Bplus.txt" },
    { key: "100%.txt", encoded: "100%25.txt" },
    { key: "a b/ü+&=.txt", encoded: "a%20b/%C3%BC%2B%26%3D.txt" },
    { key: "!'()*", encoded: "%21%27%28%29%2A" },
    { key: "-._~", encoded: "-._~" },
    { key: "//a//", encoded: "//a//" },
    { key: "a\\b", encoded: "a%5Cb" },
    { key: "a?b#c;d|e", encoded: "a%3Fb%23c%3Bd%7Ce" },
    { key: "%2e%2e", encoded: "%252e%252e" },
    { key: "クズ箱", encoded: "%E3%82%AF%E3%82%BA%E7%AE%B1" },
    { key: "😀", encoded: "%F0%9F%98%80" },
  ])("writes $key as $encoded", ({ key, encoded }) => {
    expect(encodeKey(key)).toBe(encoded);
  });
  test("writes unreserved characters and slashes alone, and nothing of the key is lost", () => {
    fc.assert(
      fc.property(anyText, (key) => {
        expect(encodeKey(key)).toMatch(/^(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})*$/);
        expect(decodeURIComponent(encodeKey(key))).toBe(key);
      }),
    );
  });
});
