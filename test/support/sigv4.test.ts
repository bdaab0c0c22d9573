import { describe, expect, test } from "bun:test";
import type { Pair } from "./pairs.ts";
import { EMPTY_BODY_SHA256, encodeAws, sha256Hex } from "./sigv4.ts";
import { type ReceivedRequest, verifySignature } from "./sigv4-verify.ts";

// Published in "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API reference.
const rules = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  region: "us-east-1",
  nowMs: Date.UTC(2013, 4, 24),
};
const headerVector: ReceivedRequest = {
  method: "GET",
  path: "/test.txt",
  query: [],
  headers: [
    ["Host", "examplebucket.s3.amazonaws.com"],
    ["Range", "bytes=0-9"],
    ["x-amz-content-sha256", EMPTY_BODY_SHA256],
    ["x-amz-date", "20130524T000000Z"],
    [
      "Authorization",
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request," +
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date," +
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ],
  ],
  bodySha256: EMPTY_BODY_SHA256,
};
const queryVector: ReceivedRequest = {
  method: "GET",
  path: "/test.txt",
  query: [
    ["X-Amz-Algorithm", "AWS4-HMAC-SHA256"],
    ["X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"],
    ["X-Amz-Date", "20130524T000000Z"],
    ["X-Amz-Expires", "86400"],
    ["X-Amz-SignedHeaders", "host"],
    ["X-Amz-Signature", "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"],
  ],
  headers: [["Host", "examplebucket.s3.amazonaws.com"]],
  bodySha256: EMPTY_BODY_SHA256,
};

function codeOf(request: ReceivedRequest, changed: Partial<typeof rules> & { sessionToken?: string } = {}) {
  const verdict = verifySignature(request, { ...rules, ...changed });
  return verdict.kind === "refused" ? verdict.failure.code : verdict.kind;
}

function withHeader(request: ReceivedRequest, name: string, value: string): ReceivedRequest {
  const others = request.headers.filter(([headerName]) => headerName !== name);
  return { ...request, headers: [...others, [name, value]] };
}

function withQuery(request: ReceivedRequest, name: string, value: string): ReceivedRequest {
  const query = request.query.map((pair): Pair => (pair[0] === name ? [name, value] : pair));
  return { ...request, query };
}

describe("the published example with an Authorization header", () => {
  test("is signed", () => expect(codeOf(headerVector)).toBe("signed"));
  test("does not match with another path, method, signed header or secret", () => {
    expect(codeOf({ ...headerVector, path: "/test2.txt" })).toBe("SignatureDoesNotMatch");
    expect(codeOf({ ...headerVector, path: "//test.txt" })).toBe("SignatureDoesNotMatch");
    expect(codeOf({ ...headerVector, method: "HEAD" })).toBe("SignatureDoesNotMatch");
    expect(codeOf(withHeader(headerVector, "Range", "bytes=0-8"))).toBe("SignatureDoesNotMatch");
    expect(codeOf({ ...headerVector, query: [["acl", ""]] })).toBe("SignatureDoesNotMatch");
    expect(codeOf(headerVector, { secretAccessKey: "other" })).toBe("SignatureDoesNotMatch");
  });
  test("is refused for another access key, region, session or time", () => {
    expect(codeOf(headerVector, { accessKeyId: "other" })).toBe("InvalidAccessKeyId");
    expect(codeOf(headerVector, { region: "eu-west-1" })).toBe("AuthorizationHeaderMalformed");
    expect(codeOf(headerVector, { sessionToken: "token" })).toBe("InvalidToken");
    expect(codeOf(headerVector, { nowMs: rules.nowMs + 15 * 60_000 })).toBe("signed");
    expect(codeOf(headerVector, { nowMs: rules.nowMs + 15 * 60_000 + 1 })).toBe("RequestTimeTooSkewed");
  });
  test("is refused with an unsigned x-amz header or another body", () => {
    expect(codeOf(withHeader(headerVector, "x-amz-acl", "public-read"))).toBe("AccessDenied");
    const bodySha256 = sha256Hex("a body");
    expect(codeOf({ ...headerVector, bodySha256 })).toBe("XAmzContentSHA256Mismatch");
  });
});

describe("the published example of a presigned URL", () => {
  test("is signed, until it expires", () => {
    expect(codeOf(queryVector)).toBe("signed");
    expect(codeOf(queryVector, { nowMs: rules.nowMs + 86_400_000 })).toBe("signed");
    expect(codeOf(queryVector, { nowMs: rules.nowMs + 86_400_001 })).toBe("AccessDenied");
    expect(codeOf(queryVector, { nowMs: rules.nowMs - 15 * 60_000 - 1 })).toBe("AccessDenied");
  });
  test("is refused when a parameter is changed, missing or of another region", () => {
    expect(codeOf(withQuery(queryVector, "X-Amz-Expires", "86399"))).toBe("SignatureDoesNotMatch");
    expect(codeOf(withQuery(queryVector, "X-Amz-Algorithm", "AWS4"))).toBe(
      "AuthorizationQueryParametersError",
    );
    expect(codeOf({ ...queryVector, query: queryVector.query.slice(0, 5) })).toBe(
      "AuthorizationQueryParametersError",
    );
    expect(codeOf(queryVector, { region: "eu-west-1" })).toBe("AuthorizationQueryParametersError");
  });
  test("is refused together with an Authorization header", () => {
    expect(codeOf({ ...headerVector, query: queryVector.query })).toBe("InvalidArgument");
  });
});

test("A request without any signature is unsigned", () => {
  expect(codeOf({ ...queryVector, query: [] })).toBe("unsigned");
});

test("encodeAws encodes every byte but the unreserved ones, once", () => {
  expect(encodeAws("a-._~Z9/!'()*+ %é😀", true)).toBe("a-._~Z9/%21%27%28%29%2A%2B%20%25%C3%A9%F0%9F%98%80");
  expect(encodeAws("/", false)).toBe("%2F");
});
