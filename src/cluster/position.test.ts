import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { streamsOf } from "./message.ts";
import { PositionFile } from "./position.ts";

const STREAMS = streamsOf("site");
const POSITION = { clears: "1700000000000-3", versions: "0-0" };
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "s3proxy-position-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("a position is read as it was written last, by the owner alone", () => {
  const file = new PositionFile(directory, STREAMS);
  expect(file.read()).toBeUndefined();
  file.write({ clears: "1-0", versions: "1-0" });
  file.write(POSITION);
  expect(new PositionFile(directory, STREAMS).read()).toEqual(POSITION);
  expect(readdirSync(directory)).toEqual([".cluster"]);
  expect(statSync(join(directory, ".cluster")).mode & 0o777).toBe(0o600);
});

test("a position in another site's streams is none in these", () => {
  new PositionFile(directory, streamsOf("other")).write(POSITION);
  expect(new PositionFile(directory, STREAMS).read()).toBeUndefined();
});

test.each(["", "{", "null", '{"stream":"s3proxy:{site}:clears","clears":"$","versions":"0-0"}', "[]"])(
  "a damaged file is no position: %s",
  (text) => {
    writeFileSync(join(directory, ".cluster"), text);
    expect(new PositionFile(directory, STREAMS).read()).toBeUndefined();
  },
);

test("what can't be written is an error", () => {
  rmSync(directory, { recursive: true });
  expect(() => new PositionFile(directory, STREAMS).write(POSITION)).toThrow("ENOENT");
});
