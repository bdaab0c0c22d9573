import { describe, expect, test } from "bun:test";
import { constantFrom, integer, property, uint8Array, assert as verify } from "fast-check";
import { decodeCopy, encodeCopy, type SharedMetadata } from "./shared-frame.ts";

const ORIGIN = "https://s3.example/bucket/";
const KEY = "クズ箱/ゴミ 100%.txt";
const METADATA: SharedMetadata = {
  origin: ORIGIN,
  key: KEY,
  head: { etag: '"1"', contentType: "text/plain; charset=utf-8", cacheControl: "max-age=5" },
  storedAtMs: 1_000,
  freshUntilMs: 6_000,
  expiresAtMs: 7_000,
  moment: "123-4",
};
const BODY = new Uint8Array([0, 255, 13, 10, 128]);

const read = (bytes: Uint8Array, origin = ORIGIN, key = KEY) => decodeCopy(bytes, origin, key);

test.each([0, 5, 64 * 1024])("a copy of %p bytes is read as it was written", (length) => {
  const body = new Uint8Array(length).map((_, at) => at & 255);
  const { origin: _o, key: _k, ...told } = METADATA;
  const copy = read(encodeCopy(METADATA, body))!;
  expect(copy).toMatchObject(told);
  expect(Buffer.from(copy.bytes).equals(body)).toBe(true);
  expect(copy.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
});

describe("what is refused", () => {
  test("is a copy of another site, of another key, or larger than what is shared", () => {
    const bytes = encodeCopy(METADATA, BODY);
    expect(read(bytes, "https://s3.example/other/")).toBeUndefined();
    expect(read(bytes, ORIGIN, "other")).toBeUndefined();
    expect(read(encodeCopy(METADATA, new Uint8Array(64 * 1024 + 1)))).toBeUndefined();
  });
  test("is any copy with a byte changed, cut off or added", () => {
    const whole = encodeCopy(METADATA, BODY);
    verify(
      property(integer({ min: 0, max: whole.length - 1 }), constantFrom(1, 128, 255), (at, change) => {
        const damaged = Uint8Array.from(whole);
        damaged[at] = damaged[at]! ^ change;
        expect(read(damaged)).toBeUndefined();
        expect(read(whole.subarray(0, at))).toBeUndefined();
        expect(read(Buffer.concat([whole, whole.subarray(0, at + 1)]))).toBeUndefined();
      }),
    );
  });
  test("is anything else", () => {
    verify(property(uint8Array(), (bytes) => expect(read(bytes)).toBeUndefined()));
  });
  test.each<[string, object]>([
    ["no moment", { moment: undefined }],
    ["a moment that is none", { moment: "now" }],
    ["no times", { freshUntilMs: undefined }],
    ["times that are none", { storedAtMs: "1" }],
    ["no head", { head: null }],
    ["a head that is a list", { head: [] }],
    ["a header that is no text", { head: { etag: 1 } }],
    ["a header with a line feed", { head: { contentType: "a\r\nSet-Cookie: x=y" } }],
    ["a header that no field can have", { head: { contentType: "ゴミ" } }],
  ])("is a copy with %s, although its checksums are right", (_, wrong) => {
    const made = { ...METADATA, ...wrong } as SharedMetadata;
    expect(read(encodeCopy(made, BODY))).toBeUndefined();
  });
});
