import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { describeRefusal, judge, parseS3Error } from "./s3-error.ts";

function documentOf(elements: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${elements}</Error>`;
}

describe("parseS3Error", () => {
  test.each([
    {
      title: "code and message",
      xml: documentOf("<Code>NoSuchKey</Code><Message>It isn&apos;t &amp; wasn't</Message><Key>a</Key>"),
      region: null,
      error: { code: "NoSuchKey", message: "It isn't & wasn't" },
    },
    {
      title: "the region of its own element",
      xml: documentOf("<Code>PermanentRedirect</Code><Message>m</Message><Region>eu-west-1</Region>"),
      region: null,
      error: { code: "PermanentRedirect", message: "m", region: "eu-west-1" },
    },
    {
      title: "the region that a message expects",
      xml: documentOf(
        "<Code>AuthorizationHeaderMalformed</Code><Message>the region 'a' is wrong; expecting 'eu-west-1'</Message>",
      ),
      region: null,
      error: {
        code: "AuthorizationHeaderMalformed",
        message: "the region 'a' is wrong; expecting 'eu-west-1'",
        region: "eu-west-1",
      },
    },
    {
      title: "the header's region before any other",
      xml: documentOf("<Code>PermanentRedirect</Code><Message>m</Message><Region>eu-west-1</Region>"),
      region: "eu-west-3",
      error: { code: "PermanentRedirect", message: "m", region: "eu-west-3" },
    },
    {
      title: "a message that is missing",
      xml: documentOf("<Code>SlowDown</Code>"),
      region: null,
      error: { code: "SlowDown", message: "" },
    },
    { title: "no body", xml: "", region: null, error: { code: "HTTP 418", message: "" } },
    {
      title: "a body that isn't XML",
      xml: "<html><br>",
      region: null,
      error: { code: "HTTP 418", message: "" },
    },
    {
      title: "another document",
      xml: "<a><Code>b</Code></a>",
      region: null,
      error: { code: "HTTP 418", message: "" },
    },
    { title: "an empty error", xml: documentOf(""), region: null, error: { code: "HTTP 418", message: "" } },
    {
      title: "a code with children",
      xml: documentOf("<Code><a>b</a></Code>"),
      region: null,
      error: { code: "HTTP 418", message: "" },
    },
  ])("reads $title", ({ xml, region, error }) => {
    expect(parseS3Error(xml, 418, region)).toEqual(error);
  });
  test("keeps only the beginning of a long message", () => {
    const { message } = parseS3Error(
      documentOf(`<Code>A</Code><Message>${"m".repeat(1e5)}</Message>`),
      400,
      null,
    );
    expect(message).toBe("m".repeat(200));
  });
  test("never throws, and always has a code", () => {
    const pieces = fc.constantFrom(
      "<Error>",
      "</Error>",
      "<Code>",
      "</Code>",
      "&",
      "<![CDATA[",
      "<!DOCTYPE x>",
      "a",
      "<",
    );
    fc.assert(
      fc.property(fc.array(pieces), (xml) => {
        expect(parseS3Error(xml.join(""), 500, null).code).not.toBe("");
      }),
    );
  });
});

describe("judge", () => {
  test.each([
    { status: 404, code: "NoSuchKey", verdict: "missing" },
    { status: 404, code: "NoSuchVersion", verdict: "missing" },
    { status: 404, code: "HTTP 404", verdict: "missing" },
    { status: 400, code: "KeyTooLongError", verdict: "missing" },
    { status: 404, code: "NoSuchBucket", verdict: "origin-refused" },
    { status: 403, code: "AccessDenied", verdict: "denied" },
    { status: 403, code: "HTTP 403", verdict: "denied" },
    { status: 403, code: "InvalidAccessKeyId", verdict: "origin-refused" },
    { status: 403, code: "SignatureDoesNotMatch", verdict: "origin-refused" },
    { status: 403, code: "RequestTimeTooSkewed", verdict: "origin-refused" },
    { status: 400, code: "ExpiredToken", verdict: "origin-refused" },
    { status: 400, code: "InvalidToken", verdict: "origin-refused" },
    { status: 400, code: "TokenRefreshRequired", verdict: "origin-refused" },
    { status: 400, code: "AuthorizationHeaderMalformed", verdict: "origin-refused" },
    { status: 403, code: "AccountProblem", verdict: "origin-refused" },
    { status: 403, code: "AllAccessDisabled", verdict: "origin-refused" },
    { status: 403, code: "NotSignedUp", verdict: "origin-refused" },
    { status: 403, code: "InvalidSecurity", verdict: "origin-refused" },
    { status: 400, code: "InvalidBucketName", verdict: "origin-refused" },
    { status: 301, code: "PermanentRedirect", verdict: "origin-refused" },
    { status: 307, code: "TemporaryRedirect", verdict: "origin-refused" },
    { status: 401, code: "HTTP 401", verdict: "origin-refused" },
    { status: 403, code: "InvalidObjectState", verdict: "origin-unreadable" },
    { status: 503, code: "SlowDown", verdict: "origin-busy" },
    { status: 503, code: "HTTP 503", verdict: "origin-busy" },
    { status: 429, code: "TooManyRequests", verdict: "origin-busy" },
    { status: 500, code: "InternalError", verdict: "origin-failed" },
    { status: 502, code: "HTTP 502", verdict: "origin-failed" },
    { status: 400, code: "InvalidArgument", verdict: "origin-failed" },
    { status: 304, code: "HTTP 304", verdict: "origin-failed" },
    { status: 206, code: "HTTP 206", verdict: "origin-failed" },
  ])("takes $status $code for $verdict", ({ status, code, verdict }) => {
    const judged = judge(status, { code, message: "" });
    const seen: string = judged.kind === "failed" ? judged.failure.code : judged.kind;
    expect(seen).toBe(verdict);
  });
  test("says in which words S3 put it that there is nothing to be had", () => {
    const judged = (status: number, code: string) => judge(status, { code, message: "Not told" });
    const said = { status: 404, code: "NoSuchKey" };
    expect(judged(404, "NoSuchKey")).toEqual({ kind: "missing", said });
    const denied = { status: 403, code: "AccessDenied" };
    expect(judged(403, "AccessDenied")).toEqual({ kind: "denied", said: denied });
  });
  test("gives S3's code and message as the reason, and keeps the error", () => {
    const error = { code: "InternalError", message: "Try again" };
    expect(judge(500, error)).toEqual({
      kind: "failed",
      failure: { code: "origin-failed", reason: "InternalError: Try again" },
      error,
    });
    const bare = judge(500, { code: "HTTP 500", message: "" });
    expect(bare.kind === "failed" && bare.failure.reason).toBe("HTTP 500");
  });
});

describe("describeRefusal", () => {
  const asked = { bucket: "site", region: "us-east-1" };
  test.each([
    {
      error: { code: "PermanentRedirect", message: "Elsewhere", region: "eu-west-1" },
      said: 'Bucket "site" is in region "eu-west-1", not "us-east-1", wanted --region eu-west-1 (S3 says PermanentRedirect: Elsewhere)',
    },
    {
      error: { code: "InvalidAccessKeyId", message: "Unknown" },
      said: "S3 does not accept the credentials (S3 says InvalidAccessKeyId: Unknown)",
    },
    {
      error: { code: "SignatureDoesNotMatch", message: "", region: "us-east-1" },
      said: "S3 does not accept the credentials (S3 says SignatureDoesNotMatch)",
    },
    {
      error: { code: "NoSuchBucket", message: "" },
      said: 'Bucket "site" does not exist (S3 says NoSuchBucket)',
    },
    {
      error: { code: "InvalidBucketName", message: "" },
      said: 'S3 refuses bucket "site" in region "us-east-1" (S3 says InvalidBucketName)',
    },
  ])("of $error.code says $said", ({ error, said }) => {
    expect(describeRefusal(error, asked)).toBe(said);
  });
});
