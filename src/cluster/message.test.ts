import { describe, expect, test } from "bun:test";
import { array, option, property, record, string, assert as verify } from "fast-check";
import {
  type ClearMessage,
  decodeClear,
  decodeVersions,
  encodeClear,
  encodeVersions,
  fieldsOf,
  rangeEntries,
  readEntries,
  streamsOf,
} from "./message.ts";

const KEYS = ["a b/\u00fc&=.txt", "クズ箱/ゴミ.txt", '"{}\\', "100%.txt"];

describe("a clear", () => {
  test.each<ClearMessage>([
    { kind: "joined" },
    { kind: "clear", scope: undefined },
    { kind: "clear", scope: { kind: "prefix", prefix: "" } },
    { kind: "clear", scope: { kind: "prefix", prefix: "docs/" } },
    { kind: "clear", scope: { kind: "keys", keys: KEYS } },
  ])("is read as it was said: %j", (message) => {
    expect(decodeClear(encodeClear(message))).toEqual(message);
  });
  test.each([
    "",
    "{",
    "null",
    "[]",
    '{"clear":"some"}',
    '{"clear":{"kind":"keys","keys":"a"}}',
    '{"clear":{"kind":"keys","keys":[1]}}',
    '{"clear":{"kind":"prefix"}}',
    '{"clear":{"kind":"tags","tags":["a"]}}',
    '{"joined":1}',
  ])("that isn't understood is one of everything: %s", (text) => {
    expect(decodeClear(text)).toEqual({ kind: "clear", scope: undefined });
  });
});

describe("versions", () => {
  test("are read as they were said", () => {
    const version = option(string(), { nil: undefined });
    verify(
      property(array(record({ key: string(), version })), (versions) => {
        expect(decodeVersions(encodeVersions(versions))).toEqual(versions);
      }),
    );
  });
  test.each(["", "{", "null", "{}", '["a"]', '[["a"]]', '[["a",1]]', '[[1,"b"]]'])(
    "that aren't understood are left out: %s",
    (text) => {
      expect(decodeVersions(text)).toEqual([]);
    },
  );
  test("that are understood stay beside others", () => {
    expect(decodeVersions('[["a",1],["b","2"]]')).toEqual([{ key: "b", version: "2" }]);
  });
});

describe("entries", () => {
  const entry = ["1-0", fieldsOf("node", "text")];
  const read = { id: "1-0", node: "node", text: "text" };
  test("are read from the stream that is asked about", () => {
    expect(readEntries({ a: [entry], b: [] }, "a")).toEqual([read]);
    expect(readEntries({ a: [entry] }, "b")).toEqual([]);
    expect(readEntries(null, "a")).toEqual([]);
  });
  test("are read from a range", () => {
    expect(rangeEntries([entry, entry])).toEqual([read, read]);
    expect(rangeEntries([])).toEqual([]);
  });
  test("of another form say nothing, and count as read", () => {
    expect(rangeEntries([["1-0", ["other", "node", "says"]]])).toEqual([{ id: "1-0", node: "", text: "" }]);
    expect(rangeEntries([["1-0"], [1, []], "1-0"])).toEqual([{ id: "1-0", node: "", text: "" }]);
  });
});

test("the streams of a site are its own, and in one place of a cluster", () => {
  const { clears, versions } = streamsOf("https://bucket.s3.amazonaws.com/site/");
  const tagOf = (name: string) => /\{(.+?)\}/.exec(name)?.[1];
  expect(tagOf(clears)).toBe(tagOf(versions));
  expect(new Set([clears, versions, streamsOf("https://bucket.s3.amazonaws.com/").clears]).size).toBe(3);
});
