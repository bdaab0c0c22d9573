/**
 * HTTP/2 requests that no decent client sends, each on a connection of its own. Most of it is Bun's doing: a row that fails after
 * a new version of it says what has changed.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ask } from "../support/client.ts";
import {
  type Field,
  FLAG,
  FRAME,
  frame,
  get,
  headerBlock,
  request,
  settings,
} from "../support/http2-frames.ts";
import { openWire, outcomeOf } from "../support/http2-wire.ts";
import { type Serving, startServing } from "./serving.ts";

type Row = readonly [what: string, fields: readonly Field[], outcome: string];

const REFUSED = "RST_STREAM PROTOCOL_ERROR";
const CALM = "GOAWAY ENHANCE_YOUR_CALM";
const COMPRESSION = "GOAWAY COMPRESSION_ERROR";

/** A GET of /page in which these pseudo-header fields are others; undefined leaves one out. */
function pseudo(changed: Readonly<Record<string, string | undefined>>, ...more: readonly Field[]): Field[] {
  const all = { ":method": "GET", ":scheme": "http", ":path": "/page", ":authority": "a", ...changed };
  const fields = Object.entries(all).flatMap(([name, value]): Field[] =>
    value === undefined ? [] : [[name, value]],
  );
  return [...fields, ...more];
}
const path = (value: string) => pseudo({ ":path": value });
const field = (name: string, value: string) => get("/page", [name, value]);
const many = (count: number, name: (index: number) => string) =>
  get("/page", ...Array.from({ length: count }, (_, index): Field => [name(index), "a=b"]));

/** RFC 9113 section 8.3.1. */
const PATHS: readonly Row[] = [
  ["a carriage return", path("/a\rb"), REFUSED],
  ["a line feed", path("/a\nb"), REFUSED],
  ["a header line behind it", path("/a\r\nX-Injected: 1"), REFUSED],
  ["a space", path("/a b"), REFUSED],
  ["a tab", path("/a\tb"), REFUSED],
  ["a NUL", path("/a\0b"), REFUSED],
  ["bytes that aren't UTF-8", path("/a\xffb"), "400"],
  ["nothing in it", path(""), REFUSED],
  ["an asterisk", path("*"), REFUSED],
  ["an asterisk for OPTIONS", pseudo({ ":method": "OPTIONS", ":path": "*" }), "204"],
  ["no slash in front", path("page"), REFUSED],
  ["an absolute URL", path("http://evil/page"), REFUSED],
  ["nothing but a query", path("?x"), REFUSED],
  ["what would be a fragment, and is a part of the key", path("/b#x"), "200"],
  ["two slashes and a host, which are a key", path("//evil/page"), "200"],
  ["15,000 bytes", path(`/${"a".repeat(15_000)}`), "404"],
];

const PSEUDO_HEADERS: readonly Row[] = [
  ["no path", pseudo({ ":path": undefined }), REFUSED],
  ["no scheme", pseudo({ ":scheme": undefined }), REFUSED],
  ["no method", pseudo({ ":method": undefined }), REFUSED],
  ["two paths", get("/page", [":path", "/b"]), REFUSED],
  ["two methods", [[":method", "GET"], ...get("/page")], REFUSED],
  ["two authorities", [[":authority", "b"], ...get("/page")], REFUSED],
  ["one behind a header", [["x", "y"], ...get("/page")], REFUSED],
  ["one nobody knows", get("/page", [":x", "y"]), REFUSED],
  ["one of an answer", get("/page", [":status", "200"]), REFUSED],
  ["one of WebSocket", pseudo({ ":method": "CONNECT" }, [":protocol", "websocket"]), REFUSED],
  [
    "CONNECT as it should be",
    [
      [":method", "CONNECT"],
      [":authority", "a:80"],
    ],
    "404",
  ],
  ["CONNECT with a path", pseudo({ ":method": "CONNECT" }), REFUSED],
  ["TRACE", pseudo({ ":method": "TRACE" }), "405"],
  ["a method in lower case", pseudo({ ":method": "get" }), "501"],
  ["a method nobody knows", pseudo({ ":method": "FOO" }), "501"],
  ["a method of 10,000 bytes", pseudo({ ":method": "A".repeat(10_000) }), "501"],
  ["a method with a space", pseudo({ ":method": "GE T" }), REFUSED],
  ["an empty method", pseudo({ ":method": "" }), REFUSED],
  // The scheme means nothing here: the path is not read together with it.
  ["the scheme https", pseudo({ ":scheme": "https" }), "200"],
  ["the scheme ftp", pseudo({ ":scheme": "ftp" }), "200"],
  ["a whole URL for a scheme", pseudo({ ":scheme": "http://evil/x?" }), "200"],
];

const AUTHORITIES: readonly Row[] = [
  ["none, and no Host", pseudo({ ":authority": undefined }), REFUSED],
  ["none, and a Host", pseudo({ ":authority": undefined }, ["host", "a"]), "200"],
  ["none, and a Host that is none", pseudo({ ":authority": undefined }, ["host", "evil/x?"]), "400"],
  ["none, and two Hosts", pseudo({ ":authority": undefined }, ["host", "a"], ["host", "b"]), REFUSED],
  ["and the same Host", field("host", "a"), "200"],
  ["and another Host", field("host", "b"), REFUSED],
  ["that is none", pseudo({ ":authority": "evil/x?" }), "400"],
  ["that is empty", pseudo({ ":authority": "" }), REFUSED],
  ["with a user", pseudo({ ":authority": "user@a" }), REFUSED],
];

/** RFC 9113 section 8.2. */
const FIELDS: readonly Row[] = [
  ["transfer-encoding", field("transfer-encoding", "chunked"), REFUSED],
  ["connection", field("connection", "close"), REFUSED],
  ["keep-alive", field("keep-alive", "timeout=5"), REFUSED],
  ["proxy-connection", field("proxy-connection", "close"), REFUSED],
  ["upgrade", field("upgrade", "h2c"), REFUSED],
  ["te other than trailers", field("te", "gzip"), REFUSED],
  ["te: trailers", field("te", "trailers"), "200"],
  ["a capital in the name", field("X-Up", "a"), REFUSED],
  ["an empty name", field("", "a"), COMPRESSION],
  ["a colon in the name", field("a:b", "a"), REFUSED],
  ["a space in the name", field("a b", "a"), REFUSED],
  ["a NUL in the name", field("a\0", "a"), REFUSED],
  ["a letter outside of ASCII in the name", field("\xfc", "a"), REFUSED],
  ["a carriage return in the value", field("x", "a\rb"), REFUSED],
  ["a line feed in the value", field("x", "a\nb"), REFUSED],
  ["a NUL in the value", field("x", "a\0b"), REFUSED],
  ["a control character in the value", field("x", "a\x01b"), REFUSED],
  ["a space before the value", field("x", " a"), REFUSED],
  ["a space behind the value", field("x", "a "), REFUSED],
  ["a byte that isn't ASCII in the value", field("x", "a\xff"), "200"],
  ["a length without a body", field("content-length", "5"), REFUSED],
  ["a length that is none", field("content-length", "x"), REFUSED],
  ["a length with a sign", field("content-length", "+0"), REFUSED],
  ["two lengths", get("/page", ["content-length", "0"], ["content-length", "1"]), REFUSED],
];

/** RFC 6585 section 5. */
const SIZES: readonly Row[] = [
  ["a header of 15,000 bytes", field("x", "a".repeat(15_000)), "200"],
  ["100 headers", many(100, (index) => `x-${index}`), "200"],
  ["199 headers", many(199, (index) => `x-${index}`), "431"],
  ["1,000 headers", many(1000, (index) => `x-${index}`), CALM],
  ["100 crumbs of a cookie", many(100, () => "cookie"), "200"],
  ["500 crumbs of a cookie", many(500, () => "cookie"), CALM],
  ["20,000 bytes in two frames", long(20_000), "431"],
  ["60,000 bytes in four frames", long(60_000), CALM],
  ["2,000,000 bytes in many frames", long(2_000_000), CALM],
];

function long(bytes: number): Field[] {
  return get(
    "/page",
    ...Array.from({ length: bytes / 1000 }, (_, index): Field => [`x-${index}`, "a".repeat(1000)]),
  );
}

/** Not a request's fields but its frames. */
const FRAMES: readonly (readonly [what: string, frames: readonly Uint8Array[], outcome: string])[] = [
  ["a header block that is none", [headersOf(0xff, 0xff, 0xff, 0xff, 0xff, 0xff)], COMPRESSION],
  ["an index of nothing", [headersOf(0x80)], COMPRESSION],
  ["an index beyond the table", [headersOf(0xe3)], COMPRESSION],
  [
    "the end of a string in the middle of it",
    [headersOf(0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00)],
    COMPRESSION,
  ],
  ["a stream of the server's", [request(2, get("/page"))], "GOAWAY PROTOCOL_ERROR"],
  ["a stream that is the connection", [request(0, get("/page"))], "GOAWAY PROTOCOL_ERROR"],
  ["a stream from before", [request(3, get("/page")), request(1, get("/page"))], "GOAWAY PROTOCOL_ERROR"],
  ["a body", [head(get("/page")), data("hello")], "200"],
  ["trailers", [head(get("/page")), request(1, [["x", "y"]])], "200"],
  [
    "a frame nobody knows before it",
    [frame(77, 5, 1, Buffer.from("hello")), request(1, get("/page"))],
    "200",
  ],
  ["a push", [frame(FRAME.pushPromise, FLAG.endHeaders, 1, Buffer.alloc(4))], "GOAWAY PROTOCOL_ERROR"],
];

function headersOf(...block: readonly number[]): Buffer {
  return frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, Buffer.from(block));
}
function head(fields: readonly Field[]): Buffer {
  return frame(FRAME.headers, FLAG.endHeaders, 1, headerBlock(fields));
}
function data(text: string): Buffer {
  return frame(FRAME.data, FLAG.endStream, 1, Buffer.from(text));
}

/** A request whose head takes as many frames as it has to. */
function framesOf(fields: readonly Field[]): Buffer[] {
  const block = headerBlock(fields);
  const most = 16_384;
  const pieces = Array.from({ length: Math.ceil(block.length / most) }, (_, index) =>
    block.subarray(index * most, (index + 1) * most),
  );
  return pieces.map((piece, index) => {
    const [type, end] = index === 0 ? [FRAME.headers, FLAG.endStream] : [FRAME.continuation, FLAG.none];
    return frame(type, index === pieces.length - 1 ? end | FLAG.endHeaders : end, 1, piece);
  });
}

let it: Serving;

beforeAll(async () => {
  it = await startServing();
  for (const key of ["page", "b#x", "/evil/page"]) {
    it.s3.put(key, `body of ${key}`);
    await ask(it.port, { path: `/${key}` });
  }
});
afterAll(() => it?.stop());

async function expectOutcome(frames: readonly Uint8Array[], outcome: string): Promise<void> {
  const before = it.s3.countOf("*");
  const wire = await openWire(it.port, settings(), ...frames);
  expect(await outcomeOf(wire, 1)).toBe(outcome);
  wire.destroy();
  expect(it.s3.countOf("*")).toBe(before);
}

describe.each([
  ["a path:", PATHS],
  ["pseudo-header fields:", PSEUDO_HEADERS],
  ["an authority:", AUTHORITIES],
  ["a header field:", FIELDS],
  ["a size:", SIZES],
] as const)("%s", (_what, rows) => {
  test.each([...rows])("%s", (_what, fields, outcome) => expectOutcome(framesOf(fields), outcome));
});

test.each([...FRAMES])("frames: %s", (_what, frames, outcome) => expectOutcome(frames, outcome));

test("none of it was an error of the program's own", () => {
  expect(it.proxy.stdout()).not.toMatch(/ (warn|critical) /);
  expect(it.proxy.stderr()).toBe("");
});
