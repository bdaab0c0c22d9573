/**
 * HTTP/1.1 requests that no decent client sends. Each is followed by another request on the same connection, so that a row shows
 * both what it is answered and whether anything of it could be taken for a request of its own. Most of it is Bun's doing:
 * a row that fails after a new version of it says what has changed.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ask, sendRaw } from "../support/client.ts";
import { type Serving, startServing } from "./serving.ts";

/** `outcome` is the statuses of all answers of the connection; where it ends in "200" that is the following request's. */
type Row = readonly [what: string, bytes: string, outcome: string];

const LINE = "GET /page HTTP/1.1\r\n";
const HOST = "Host: a\r\n";
const NEXT = `GET /b HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;

const headers = (lines: string, body = "") => `${LINE}${HOST}${lines}\r\n\r\n${body}`;
const chunked = (body: string) => headers("Transfer-Encoding: chunked", body);
const target = (path: string) => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`;
const line = (text: string) => `${text}\r\n${HOST}\r\n`;
const closing = (text: string) => line(`${text}\r\nConnection: close`);
const many = (count: number) => Array.from({ length: count }, (_, index) => `X-${index}: a`).join("\r\n");

/** RFC 9112 sections 6.1 to 6.3: where a body ends is said in one way, or the request is refused. */
const LENGTHS: readonly Row[] = [
  ["a length with a sign", headers("Content-Length: +5", "hello"), "400"],
  ["a negative length", headers("Content-Length: -5", "hello"), "400"],
  ["a list of lengths", headers("Content-Length: 5, 5", "hello"), "400"],
  ["two lengths", headers("Content-Length: 5\r\nContent-Length: 6", "hello"), "400"],
  ["one length twice", headers("Content-Length: 5\r\nContent-Length: 5", "hello"), "200 200"],
  ["an empty length", headers("Content-Length: "), "400"],
  ["a length in hexadecimal", headers("Content-Length: 0x5", "hello"), "400"],
  ["two numbers in a length", headers("Content-Length: 5 5", "hello"), "400"],
  ["a length that no integer holds", headers("Content-Length: 99999999999999999999"), "400"],
  ["a length and chunks", headers("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), "400"],
  ["chunks and a length", headers("Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n"), "400"],
];

const CODINGS: readonly Row[] = [
  ["chunked", chunked("5\r\nhello\r\n0\r\n\r\n"), "200 200"],
  ["chunked in capitals", headers("Transfer-Encoding: CHUNKED", "0\r\n\r\n"), "200 200"],
  ["chunked after a tab", headers("Transfer-Encoding:\tchunked", "0\r\n\r\n"), "200 200"],
  ["chunked after a vertical tab", headers("Transfer-Encoding: \x0bchunked", "0\r\n\r\n"), "400"],
  ["chunked twice", headers("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), "400"],
  ["a list that ends in chunked", headers("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"), "400"],
  ["a list that doesn't", headers("Transfer-Encoding: chunked, gzip", "0\r\n\r\n"), "400"],
  ["chunked in quotes", headers('Transfer-Encoding: "chunked"', "0\r\n\r\n"), "400"],
  ["chunked with a parameter", headers("Transfer-Encoding: chunked;a=b", "0\r\n\r\n"), "400"],
  ["a name that ends like it", headers("Transfer-Encoding: xchunked", "0\r\n\r\n"), "400"],
  ["identity", headers("Transfer-Encoding: identity"), "400"],
  ["nothing", headers("Transfer-Encoding: "), "400"],
  ["a space before its colon", headers("Transfer-Encoding : chunked", "0\r\n\r\n"), "400"],
  ["chunked in HTTP/1.0", `GET /page HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, "400"],
];

/** RFC 9112 section 7.1. The body of a GET is of no account, so the answer is there before it is found to be broken. */
const CHUNKS: readonly Row[] = [
  ["an extension", chunked("5;a=b\r\nhello\r\n0\r\n\r\n"), "200 200"],
  ["a prefix of hexadecimal", chunked("0x5\r\nhello\r\n0\r\n\r\n"), "200 400"],
  ["a sign", chunked("+5\r\nhello\r\n0\r\n\r\n"), "200 400"],
  ["a negative size", chunked("-5\r\nhello\r\n0\r\n\r\n"), "200 400"],
  ["no size", chunked("\r\nhello\r\n0\r\n\r\n"), "200 400"],
  ["a letter that is no digit", chunked("g\r\nhello\r\n0\r\n\r\n"), "200 400"],
  ["a size that no integer holds", chunked("fffffffffffffffff\r\nhello\r\n0\r\n\r\n"), "200 400"],
  ["a space before the size", chunked(" 5\r\nhello\r\n0\r\n\r\n"), "200 400"],
  ["a space after the size", chunked("5 \r\nhello\r\n0\r\n\r\n"), "200 400"],
  ["more bytes than its size", chunked("5\r\nhelloXX0\r\n\r\n"), "200 400"],
  ["a line feed alone", chunked("5\nhello\n0\n\n"), "200 400"],
  ["a trailer", chunked("5\r\nhello\r\n0\r\nX: y\r\n\r\n"), "200 400"],
  ["an extension of 30,000 bytes", chunked(`5;${"a".repeat(30_000)}\r\nhello\r\n0\r\n\r\n`), "200 413"],
];

/** RFC 9112 sections 2.2 and 5. */
const FIELDS: readonly Row[] = [
  ["a space before the colon", headers("X : a"), "400"],
  ["a tab before the colon", headers("X\t: a"), "400"],
  ["an empty name", headers(": a"), "400"],
  ["no colon", headers("Xa"), "400"],
  ["a space in the name", headers("X Y: a"), "400"],
  ["a letter outside of ASCII in the name", headers("\xfc: a"), "400"],
  ["a parenthesis in the name", headers("X(: a"), "400"],
  ["a NUL in the name", headers("X\0: a"), "400"],
  ["a value on two lines", headers("X: a\r\n b"), "400"],
  ["a first header that goes on with nothing", `${LINE} Host: a\r\n\r\n`, "400"],
  ["a carriage return in the value", headers("X: a\rb"), "400"],
  ["a line feed in the value", headers("X: a\nb"), "400"],
  ["a NUL in the value", headers("X: a\0b"), "400"],
  ["a control character in the value", headers("X: a\x01b"), "400"],
  ["a tab in the value", headers("X: a\tb"), "200 200"],
  ["a byte that isn't ASCII in the value", headers("X: a\xffb"), "200 200"],
  ["a line that ends in a line feed alone", `${LINE}Host: a\nX: b\r\n\r\n`, "400"],
];

/** RFC 6585 section 5. */
const SIZES: readonly Row[] = [
  ["100 headers", headers(many(100)), "200 200"],
  ["199 headers", headers(many(199)), "431"],
  ["10,000 headers", headers(many(10_000)), "431"],
  ["a header of 15 KB", headers(`X: ${"a".repeat(15_000)}`), "200 200"],
  ["a header of 17 KB", headers(`X: ${"a".repeat(17_000)}`), "431"],
  ["a header of 1 MB", headers(`X: ${"a".repeat(1_000_000)}`), "431"],
  ["a path of 15 KB", target(`/${"a".repeat(15_000)}`), "404 200"],
  ["a path of 64 KB", target(`/${"a".repeat(65_536)}`), "431"],
  ["a header name of 17 KB", headers(`${"X".repeat(17_000)}: a`), "431"],
  ["a method of 10 KB", line(`${"A".repeat(10_000)} /page HTTP/1.1`), ""],
  ["1,000 ranges", headers(`Range: bytes=${"0-,".repeat(1000)}0-`), "200 200"],
];

const REQUEST_LINES: readonly Row[] = [
  ["no version", "GET /page\r\n\r\n", "505"],
  ["HTTP/1.2", line("GET /page HTTP/1.2"), "505"],
  ["HTTP/1.10", line("GET /page HTTP/1.10"), "505"],
  ["HTTP/2.0", line("GET /page HTTP/2.0"), "505"],
  ["HTTP/3", line("GET /page HTTP/3"), "505"],
  ["http/1.1", line("GET /page http/1.1"), "505"],
  ["two spaces", line("GET  /page HTTP/1.1"), "400"],
  ["tabs", line("GET\t/page\tHTTP/1.1"), "505"],
  ["a space behind it", line("GET /page HTTP/1.1 "), "505"],
  ["a space before it", line(" GET /page HTTP/1.1"), "400"],
  ["an empty line before it", `\r\n${target("/page")}`, "400"],
  ["a line feed alone behind it", "GET /page HTTP/1.1\nHost: a\n\n", "505"],
  ["a NUL in the path", target("/pa\0ge"), "505"],
  ["what would be a fragment, and is a part of the key", target("/b#x"), "200 200"],
  ["nothing but a query", target("?x"), "400"],
  ["the preface of HTTP/2, broken", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "400"],
  ["a greeting of TLS", `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${"a".repeat(500)}`, "400"],
  ["nothing", "\r\n\r\n", "400"],
  ["garbage", "\x00\x01\x02\x03\r\n\r\n", "400"],
  // What follows it would be for the tunnel; the connection is closed here, or else when it has been idle for long enough.
  ["CONNECT", closing("CONNECT a:80 HTTP/1.1"), "405"],
  ["CONNECT with a path", closing("CONNECT /page HTTP/1.1"), "405"],
  ["TRACE", line("TRACE /page HTTP/1.1"), "405 200"],
  [
    "an upgrade to HTTP/2",
    headers("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk"),
    "200 200",
  ],
  [
    "an upgrade to WebSocket",
    headers(
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ),
    "200 200",
  ],
  [
    "a body that waits to be asked for",
    headers("Expect: 100-continue\r\nContent-Length: 5", "hello"),
    "100 200 200",
  ],
  ["an expectation nobody knows", headers("Expect: miracles"), "200 200"],
];

/** RFC 9112 section 3.2.2: the target's host wins, and neither means anything here. */
const ABSOLUTE: readonly Row[] = [
  ["of another host", target("http://evil/page"), "200 200"],
  ["of HTTPS", target("HTTPS://evil/page"), "200 200"],
  ["with a user", target("http://user:secret@evil/page"), "200 200"],
  ["with a host that is none", target("http://ev<il/page"), "200 200"],
  ["without a host", target("http:///page"), "200 200"],
  ["without a path", target("http://evil"), "200 200"],
  ["without a path and with a query", target("http://evil?x/page"), "200 200"],
  ["with dot segments", target("http://evil/x/../page"), "200 200"],
  ["of the proxy's own paths", target("http://evil/_proxy/x"), "404 200"],
  ["of another scheme", target("ftp://evil/page"), "400"],
  ["without a Host header", "GET http://evil/page HTTP/1.1\r\n\r\n", "400"],
];

let it: Serving;

beforeAll(async () => {
  it = await startServing();
  for (const key of ["page", "b", "b#x", "index.html"]) {
    it.s3.put(key, `body of ${key}`);
    // Bun drops a connection on which a request comes while the one before it still waits for S3.
    await ask(it.port, { path: `/${key}` });
  }
});
afterAll(() => it?.stop());

/** The statuses of everything that comes until the connection is closed. */
async function outcomeOf(bytes: string): Promise<string> {
  const answers = await sendRaw(it.port, Buffer.from(bytes + NEXT, "latin1"));
  return [...answers.toString("latin1").matchAll(/HTTP\/1\.1 (\d{3})/g)]
    .map(([, status]) => status)
    .join(" ");
}

describe.each([
  ["a length:", LENGTHS],
  ["a transfer coding:", CODINGS],
  ["a chunk:", CHUNKS],
  ["a header line:", FIELDS],
  ["a size:", SIZES],
  ["a request line:", REQUEST_LINES],
  ["an absolute target", ABSOLUTE],
] as const)("%s", (_what, rows) => {
  test.each([...rows])("%s", async (_what, bytes, outcome) => {
    const before = it.s3.countOf("*");
    expect(await outcomeOf(bytes)).toBe(outcome);
    expect(it.s3.countOf("*")).toBe(before);
  });
});

test("none of it was an error of the program's own", () => {
  expect(it.proxy.stdout()).not.toMatch(/ (warn|critical) /);
  expect(it.proxy.stderr()).toBe("");
});
