/** A file that isn't exactly what was written is a miss: it is never served, and replaced. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { bytesOf, framesIn, get, type Site, startSiteOf, until } from "../support/site.ts";

setDefaultTimeout(60_000);

const BODIES: Readonly<Record<string, Uint8Array>> = {
  "small.txt": bytesOf(2_000, 1),
  "large.bin": bytesOf(200_000, 2),
};
const KEYS = Object.keys(BODIES);
const FOOTER_BYTES = 32;
const UNTIL = '"freshUntilMs":';

/** Changes one file; `bodyBytes` of it are the object. */
type Damage = (path: string, bodyBytes: number, otherPath: string) => void;

function flip(positionIn: (file: Buffer, bodyBytes: number) => number, bit = 0x10): Damage {
  return (path, bodyBytes) => {
    const file = readFileSync(path);
    const at = positionIn(file, bodyBytes);
    file.writeUInt8(file.readUInt8(at) ^ bit, at);
    writeFileSync(path, file);
  };
}

/** Changes the footer and makes its checksum right again. */
function rewriteFooter(change: (footer: Buffer) => void): Damage {
  return (path) => {
    const file = readFileSync(path);
    const footer = file.subarray(-FOOTER_BYTES);
    change(footer);
    footer.writeUInt32LE(crc32(footer.subarray(0, FOOTER_BYTES - 4)), FOOTER_BYTES - 4);
    writeFileSync(path, file);
  };
}

const DAMAGES: Readonly<Record<string, Damage>> = {
  "a flipped bit in the first byte of the body": flip(() => 0),
  "a flipped bit in the middle of the body": flip((_, bodyBytes) => bodyBytes / 2),
  "a flipped bit in the last byte of the body": flip((_, bodyBytes) => bodyBytes - 1),
  "a flipped bit in the first byte of the metadata": flip((_, bodyBytes) => bodyBytes),
  // The first digit of a time: still well-formed, and fresh for centuries.
  "a flipped bit in a time in the metadata": flip((file) => file.indexOf(UNTIL) + UNTIL.length, 0x08),
  "a flipped bit in the last byte of the metadata": flip((file) => file.length - FOOTER_BYTES - 1),
  "a flipped bit in the first byte of the footer": flip((file) => file.length - FOOTER_BYTES),
  "a flipped bit in the checksum in the footer": flip((file) => file.length - 10),
  "a flipped bit in the last byte of the footer": flip((file) => file.length - 1),
  "a footer of another version": rewriteFooter((footer) => footer.writeUInt32LE(2, 4)),
  "a footer of another kind of file": rewriteFooter((footer) => footer.writeUInt32LE(0x6b_6e_75_6a, 0)),
  "no last byte": (path) => truncateSync(path, readFileSync(path).length - 1),
  "no footer": (path) => truncateSync(path, readFileSync(path).length - FOOTER_BYTES),
  "half of the body": (path, bodyBytes) => truncateSync(path, bodyBytes / 2),
  "no bytes": (path) => truncateSync(path, 0),
  "a byte too many in front": (path) =>
    writeFileSync(path, Buffer.concat([Buffer.of(1), readFileSync(path)])),
  "a byte too many at the end": (path) =>
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.of(1)])),
  "bytes of a foreign program": (path) => writeFileSync(path, "not from here".repeat(100)),
  "the whole file of another key": (path, _, otherPath) => copyFileSync(otherPath, path),
};

let site: Site<MemoryS3>;
/** A directory with both objects, as a proxy leaves it; each test works on a copy. */
let original: string;
const nameOf: Record<string, string> = {};

beforeAll(async () => {
  site = await startSiteOf(await startMemoryS3());
  for (const key of KEYS) site.s3.put(key, BODIES[key]!);
  original = site.directory();
  const proxy = await site.start({ cacheDir: original });
  for (const key of KEYS) {
    const before = framesIn(original);
    await get(proxy, `/${key}`);
    await until(() => framesIn(original).length > before.length);
    nameOf[key] = framesIn(original).find((name) => !before.includes(name)) ?? "";
  }
  await proxy.stop();
});
afterAll(() => site?.stop());

/** A copy of the directory with damage done to every file. */
function damagedCopy(damage: Damage): string {
  const directory = site.directory();
  for (const name of framesIn(original)) copyFileSync(join(original, name), join(directory, name));
  for (const [index, key] of KEYS.entries()) {
    const other = nameOf[KEYS[1 - index]!]!;
    damage(join(directory, nameOf[key]!), BODIES[key]!.length, join(original, other));
  }
  return directory;
}

/** Starts on the directory and asks for each key twice; returns how often S3 was asked for each. */
async function countsAfterRestart(cacheDir: string, keys: readonly string[], waitForIndex: boolean) {
  site.gate.reset();
  // Something to look through first, so that the requests come before the index is complete.
  for (let index = 0; index < (waitForIndex ? 0 : 300); index++) {
    writeFileSync(join(cacheDir, index.toString(16).padStart(64, "0")), "");
  }
  const proxy = await site.start({ cacheDir });
  if (waitForIndex) await proxy.line(/ Cache directory indexed /);
  for (const key of [...keys, ...keys]) {
    const answer = await get(proxy, `/${key}`);
    expect([answer.status, answer.isComplete, answer.body.equals(BODIES[key]!)]).toEqual([200, true, true]);
  }
  await proxy.stop();
  return keys.map((key) => site.gate.countOf(key));
}

test("without damage nothing is asked for", async () => {
  const directory = damagedCopy(() => {});
  expect(await countsAfterRestart(directory, KEYS, true)).toEqual([0, 0]);
  expect(await countsAfterRestart(directory, KEYS, false)).toEqual([0, 0]);
});

describe.each([true, false])("after a restart (index awaited: %p)", (waitForIndex) => {
  test.each(Object.keys(DAMAGES))("%s: the right bytes come from S3, and are kept", async (name) => {
    const directory = damagedCopy(DAMAGES[name]!);
    expect(await countsAfterRestart(directory, KEYS, waitForIndex)).toEqual([1, 1]);
    expect(await countsAfterRestart(directory, KEYS, waitForIndex)).toEqual([0, 0]);
  });
});

test("files with names of a foreign program are left alone", async () => {
  const directory = damagedCopy(() => {});
  const strangers = ["notes.txt", `${"A".repeat(64)}`, "f".repeat(63), `${"f".repeat(64)}.txt`];
  for (const name of strangers) writeFileSync(join(directory, name), "mine");
  expect(await countsAfterRestart(directory, KEYS, true)).toEqual([0, 0]);
  for (const name of strangers) expect(readFileSync(join(directory, name), "utf8")).toBe("mine");
});

test("a file that was damaged under a running proxy is a miss when it has to be read", async () => {
  const directory = damagedCopy(() => {});
  site.gate.reset();
  const proxy = await site.start({ cacheDir: directory, args: ["--memory-size", "0"] });
  await proxy.line(/ Cache directory indexed /);
  const small = join(directory, nameOf["small.txt"]!);
  const whole = readFileSync(small);
  for (const damage of [flip(() => 7), DAMAGES["no bytes"]!, DAMAGES["no footer"]!]) {
    site.gate.reset();
    damage(small, BODIES["small.txt"]!.length, "");
    for (let times = 0; times < 3; times++) {
      expect((await get(proxy, "/small.txt")).body.equals(BODIES["small.txt"]!)).toBe(true);
    }
    expect(site.gate.countOf("small.txt")).toBe(1);
    expect(readFileSync(small).length).toBe(whole.length);
  }
  truncateSync(join(directory, nameOf["large.bin"]!), 1_000);
  expect((await get(proxy, "/large.bin")).body.equals(BODIES["large.bin"]!)).toBe(true);
  expect(site.gate.countOf("large.bin")).toBe(1);
  await proxy.stop();
});
