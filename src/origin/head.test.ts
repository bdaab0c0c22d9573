import { describe, expect, test } from "bun:test";
import { headOf } from "./head.ts";

describe("headOf", () => {
  test("keeps what an object says of itself, and nothing else", () => {
    const head = headOf(
      new Headers({
        "Content-Type": "text/html",
        ETag: '"abc"',
        "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT",
        "Cache-Control": "max-age=1",
        "Content-Language": "de, fr",
        "Content-Disposition": 'attachment; filename="a"',
        "Content-Encoding": "gzip",
        "Content-Length": "3",
        Expires: "0",
        Location: "https://evil.example",
        Server: "AmazonS3",
        "Set-Cookie": "a=b",
        "x-amz-request-id": "1",
        "x-amz-meta-a": "b",
        "x-amz-website-redirect-location": "/b",
      }),
    );
    expect(head).toEqual({
      contentType: "text/html",
      etag: '"abc"',
      lastModified: "Sun, 06 Nov 1994 08:49:37 GMT",
      cacheControl: "max-age=1",
      contentLanguage: "de, fr",
      contentDisposition: 'attachment; filename="a"',
      contentEncoding: "gzip",
      redirectLocation: "/b",
    });
  });
  test.each([
    ["/", true],
    ["/a?b#c", true],
    ["http://x", true],
    ["HTTPS://x/y", true],
    ["//x", false],
    ["/\\x", false],
    ["a", false],
    ["javascript:x", false],
    ["/a b", false],
    ["", false],
  ])("keeps %p as a redirect: %p", (location, isKept) => {
    const head = headOf(new Headers({ "x-amz-website-redirect-location": location }));
    expect(head).toEqual(isKept ? { redirectLocation: location } : {});
  });
  test("keeps nothing of headers that are empty or missing", () => {
    expect(headOf(new Headers({ "Content-Type": "", ETag: "", "Last-Modified": "" }))).toEqual({});
    expect(headOf(new Headers())).toEqual({});
  });

  test.each([
    { sent: '"a-1"', etag: '"a-1"' },
    { sent: 'W/"a"', etag: 'W/"a"' },
    { sent: '""', etag: '""' },
    { sent: '"a,b"', etag: '"a,b"' },
    { sent: "d41d8cd98f00b204", etag: '"d41d8cd98f00b204"' },
    { sent: '"a', etag: undefined },
    { sent: 'a"b', etag: undefined },
    { sent: "a b", etag: undefined },
    { sent: '"a", "b"', etag: undefined },
    { sent: 'w/"a"', etag: undefined },
  ])("makes of the ETag $sent $etag", ({ sent, etag }) => {
    expect(headOf(new Headers({ etag: sent })).etag).toBe(etag as string);
  });

  test.each([
    { sent: "aws-chunked", kept: undefined },
    { sent: "aws-chunked,gzip", kept: "gzip" },
    { sent: "gzip, AWS-chunked", kept: "gzip" },
    { sent: "aws-chunked, br, gzip", kept: "br, gzip" },
    { sent: "gzip,", kept: "gzip" },
    { sent: "gzip", kept: "gzip" },
  ])("makes of the Content-Encoding $sent $kept", ({ sent, kept }) => {
    const head = headOf(new Headers({ "content-encoding": sent }));
    expect(head.contentEncoding).toBe(kept as string);
    expect("contentEncoding" in head).toBe(kept !== undefined);
  });

  test("keeps a Last-Modified that is a date of HTTP", () => {
    const lastModified = "Sun, 06 Nov 1994 08:49:37 GMT";
    expect(headOf(new Headers({ "last-modified": lastModified }))).toEqual({ lastModified });
  });
  test.each(["yesterday", "0", "1994-11-06T08:49:37Z", "Sun, 06 Nov 1994 08:49:37 +0100"])(
    "leaves out the Last-Modified %s, which nothing can be compared with",
    (sent) => {
      expect(headOf(new Headers({ "last-modified": sent }))).toEqual({});
    },
  );
});
