import { describe, expect, test } from "bun:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { anyText } from "../../test/support/any-text.ts";
import { patternBytes } from "../../test/support/keeper-bench.ts";
import { decodeFooter, decodeMetadata, encodeTrailer, FOOTER_BYTES, type Metadata } from "./frame.ts";

const metadata: Metadata = {
  origin: "https://s3.example/",
  key: "クズ箱/ゴミ.txt",
  head: { etag: '"a"', contentType: "text/plain" },
  storedAtMs: 1_800_000_000_000,
  freshUntilMs: 1_800_000_300_000,
  expiresAtMs: 1_800_000_300_000,
};

interface Frame {
  readonly body: Uint8Array;
  readonly metadata: Metadata;
}

function encode({ body, metadata }: Frame): Uint8Array {
  return Buffer.concat([body, encodeTrailer(metadata, body.length, crc32(body))]);
}

/** Reads a file as `Disk` does; undefined where anything in it is wrong. */
function decode(file: Uint8Array): Frame | undefined {
  const footer = decodeFooter(file.subarray(Math.max(0, file.length - FOOTER_BYTES)), file.length);
  if (footer === undefined) return undefined;
  const body = file.subarray(0, footer.bodyBytes);
  const read = decodeMetadata(file.subarray(footer.bodyBytes, -FOOTER_BYTES), footer);
  if (read === undefined || crc32(body) !== footer.bodyCrc32) return undefined;
  return { body: new Uint8Array(body), metadata: read };
}

const anyFrame = fc.record({
  body: fc.uint8Array({ maxLength: 300 }),
  metadata: fc.record({
    origin: fc.webUrl(),
    key: anyText,
    head: fc.record(
      { contentType: fc.string(), etag: fc.string(), cacheControl: anyText },
      { requiredKeys: [] },
    ),
    storedAtMs: fc.nat(),
    freshUntilMs: fc.nat(),
    expiresAtMs: fc.nat(),
  }),
});

describe("a frame", () => {
  test("gives back what was put into it, and begins with the body as it is", () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        const file = encode(frame);
        expect(decode(file)).toEqual(frame);
        expect(new Uint8Array(file.subarray(0, frame.body.length))).toEqual(frame.body);
      }),
    );
  });
  test("is refused with any one bit flipped", () => {
    const file = encode({ body: patternBytes(50), metadata });
    for (let bit = 0; bit < file.length * 8; bit++) {
      const flipped = new Uint8Array(file);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      if (decode(flipped) !== undefined) throw new Error(`Bit ${bit} of ${file.length * 8} goes unseen`);
    }
    expect(decode(file)).toBeDefined();
  });
  test("is refused with any one byte changed to any other", () => {
    const frame = fc.tuple(anyFrame, fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(frame, ([given, at, change]) => {
        const file = new Uint8Array(encode(given));
        file[at % file.length]! ^= change;
        expect(decode(file)).toBeUndefined();
      }),
    );
  });
  test("is refused at every shorter length, and with anything behind it", () => {
    const file = encode({ body: patternBytes(50), metadata });
    for (let length = 0; length < file.length; length++)
      expect(decode(file.subarray(0, length))).toBeUndefined();
    expect(decode(Buffer.concat([file, new Uint8Array(1)]))).toBeUndefined();
    expect(decode(Buffer.concat([file, file]))).toBeUndefined();
  });
  test("is refused with bytes taken out of its middle", () => {
    const file = encode({ body: patternBytes(50), metadata });
    for (let at = 0; at < file.length; at++) {
      expect(decode(Buffer.concat([file.subarray(0, at), file.subarray(at + 1)]))).toBeUndefined();
    }
  });
  test("of an empty body is a frame too", () => {
    const frame = { body: new Uint8Array(), metadata };
    expect(decode(encode(frame))).toEqual(frame);
  });
});

test("no bytes at all make a frame by chance", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(decode(bytes)).toBeUndefined();
    }),
  );
});

test("a footer of another version is refused, although its checksum is right", () => {
  const trailer = encodeTrailer(metadata, 0, 0);
  const footer = new Uint8Array(trailer.subarray(-FOOTER_BYTES));
  new DataView(footer.buffer).setUint32(4, 2, true);
  new DataView(footer.buffer).setUint32(28, crc32(footer.subarray(0, 28)), true);
  expect(decodeFooter(footer, trailer.length)).toBeUndefined();
});

test("a footer that doesn't agree with the file's length is refused", () => {
  const trailer = encodeTrailer(metadata, 100, 0);
  const footer = trailer.subarray(-FOOTER_BYTES);
  expect(decodeFooter(footer, trailer.length + 100)).toMatchObject({ bodyBytes: 100 });
  for (const length of [0, trailer.length, trailer.length + 99, trailer.length + 101]) {
    expect(decodeFooter(footer, length)).toBeUndefined();
  }
});

test("metadata that isn't JSON is refused, although its checksum is right", () => {
  const bytes = new TextEncoder().encode("{not json");
  const footer = { bodyBytes: 0, metadataBytes: bytes.length, bodyCrc32: 0, metadataCrc32: crc32(bytes) };
  expect(decodeMetadata(bytes, footer)).toBeUndefined();
});
