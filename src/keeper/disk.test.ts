import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { anyText } from "../../test/support/any-text.ts";
import { CacheDirectoryError, prepareCacheDirectory } from "./cache-directory.ts";
import { Disk } from "./disk.ts";
import { isIntact, readBody } from "./frame-file.ts";
import { isVariantName } from "./representations.ts";

const OWN_UID = process.getuid!();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "s3proxy-disk-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("prepareCacheDirectory", () => {
  test("makes the directory, and those above it, with mode 0700 whatever the umask", () => {
    const before = process.umask(0o077);
    try {
      for (const [at, umask] of [0o000, 0o022, 0o277].entries()) {
        const directory = join(folder, `cache-${at}`);
        process.umask(umask);
        prepareCacheDirectory(directory, OWN_UID);
        expect((statSync(directory).mode & 0o777).toString(8)).toBe("700");
      }
      process.umask(0o022);
      prepareCacheDirectory(join(folder, "a/b"), OWN_UID);
      expect((statSync(join(folder, "a/b")).mode & 0o777).toString(8)).toBe("700");
    } finally {
      process.umask(before);
    }
  });
  test("takes one that is there and leaves its mode as the operator set it", () => {
    const directory = join(folder, "there");
    mkdirSync(directory);
    chmodSync(directory, 0o750);
    prepareCacheDirectory(directory, OWN_UID);
    expect((statSync(directory).mode & 0o777).toString(8)).toBe("750");
  });
  test("refuses one that belongs to another user, and says to whom", () => {
    expect(() => prepareCacheDirectory(folder, OWN_UID + 1)).toThrow(CacheDirectoryError);
    expect(() => prepareCacheDirectory(folder, OWN_UID + 1)).toThrow(
      `Cache directory "${folder}" belongs to user ${OWN_UID}, wanted one that belongs to user ${OWN_UID + 1}`,
    );
  });
  test("refuses a link, which somebody else may have put there", () => {
    symlinkSync("/", join(folder, "link"));
    expect(() => prepareCacheDirectory(join(folder, "link"), OWN_UID)).toThrow(CacheDirectoryError);
  });
  test("throws where there is a file", () => {
    writeFileSync(join(folder, "file"), "");
    expect(() => prepareCacheDirectory(join(folder, "file"), OWN_UID)).toThrow(/file/);
  });
});

describe("the name of a file", () => {
  test("is flat, and the same for the same key and origin", () => {
    const key = anyText;
    fc.assert(
      fc.property(key, fc.constantFrom(0, 1), (given, copy) => {
        const name = new Disk(folder, "o").nameOf(given, copy);
        expect(name).toMatch(isVariantName(given) ? /^[0-9a-f]{64}v$/ : /^[0-9a-f]{64}$/);
        expect(new Disk(folder, "o").nameOf(given, copy)).toBe(name);
        expect(new Disk(folder, "o").nameOf(given, copy === 0 ? 1 : 0)).not.toBe(name);
        expect(new Disk(folder, "p").nameOf(given, copy)).not.toBe(name);
      }),
    );
  });
  test.each([
    { one: ["a", "bc"], other: ["ab", "c"] },
    { one: ["a", "1:b"], other: ["a1:", "b"] },
    { one: ["", "a"], other: ["a", ""] },
    { one: ["o", "a|b"], other: ["o|a", "b"] },
    { one: ["o", "é"], other: ["o", "e\u0301"] },
    { one: ["o", "a"], other: ["o", "A"] },
  ])("is not shared by $one and $other", ({ one, other }) => {
    expect(new Disk(folder, one[0]!).nameOf(one[1]!, 0)).not.toBe(
      new Disk(folder, other[0]!).nameOf(other[1]!, 0),
    );
  });
});

const ROOM = { grow: () => true, release: () => {} };

function pathOf(disk: Disk, key: string): string {
  return disk.pathOf(disk.nameOf(key, 0));
}

describe("a disk", () => {
  const times = { storedAtMs: 1, freshUntilMs: 2, expiresAtMs: 3 };
  async function keep(disk: Disk, key: string, body: string, head = {}): Promise<void> {
    const draft = await disk.draft(ROOM);
    await draft.write(new TextEncoder().encode(body));
    await draft.finish({ key, head, ...times });
    draft.place(pathOf(disk, key));
  }
  async function scanned(disk: Disk): Promise<string[]> {
    const listed = await Array.fromAsync(disk.list(() => undefined));
    const read = await Promise.all(listed.map(({ name }) => disk.read(name)));
    return read.flatMap((file) => (file !== undefined && disk.isOwn(file) ? [file.metadata.key] : [])).sort();
  }

  test("shows a file under its name only once it is whole", async () => {
    const disk = new Disk(folder, "o");
    const draft = await disk.draft(ROOM);
    await draft.write(new TextEncoder().encode("bo"));
    await draft.write(new TextEncoder().encode("dy"));
    expect(await disk.find("a")).toBeUndefined();
    await draft.finish({ key: "a", head: {}, ...times });
    draft.place(pathOf(disk, "a"));
    expect(readdirSync(folder)).toEqual([disk.nameOf("a", 0)]);
    expect((await disk.find("a"))?.metadata).toEqual({ origin: "o", key: "a", head: {}, ...times });
    expect(statSync(pathOf(disk, "a")).mode & 0o077).toBe(0);
  });
  test("makes its directory again, with mode 0700, where somebody has deleted it", async () => {
    const directory = join(folder, "deleted");
    await keep(new Disk(directory, "o"), "a", "body");
    expect(await scanned(new Disk(directory, "o"))).toEqual(["a"]);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });
  test("says of a body whether it is what was stored", async () => {
    const disk = new Disk(folder, "o");
    const body = "b".repeat(3 * 1024 * 1024);
    await keep(disk, "a", body);
    const path = pathOf(disk, "a");
    expect(await isIntact(path, body.length)).toBe(true);
    expect(await isIntact(path, body.length - 1)).toBe(false);
    expect(await isIntact(pathOf(disk, "missing"), body.length)).toBe(false);
    expect(Buffer.from((await readBody(path, body.length))!).toString()).toBe(body);
    for (const at of [0, 1024 * 1024, body.length - 1]) {
      const file = Buffer.from(readFileSync(path));
      file[at]! ^= 1;
      writeFileSync(path, file);
      expect(await isIntact(path, body.length)).toBe(false);
      expect(await readBody(path, body.length)).toBeUndefined();
      file[at]! ^= 1;
      writeFileSync(path, file);
    }
  });
  test("leaves nothing of a draft that is discarded, whole or not", async () => {
    const disk = new Disk(folder, "o");
    const draft = await disk.draft(ROOM);
    await draft.discard();
    const whole = await disk.draft(ROOM);
    await whole.finish({ key: "a", head: {}, ...times });
    await whole.discard();
    expect(readdirSync(folder)).toEqual([]);
  });
  test("reads metadata of any length that is allowed", async () => {
    const disk = new Disk(folder, "o");
    for (const length of [1, 3_000, 4_096, 20_000]) {
      await keep(disk, "a", "body", { cacheControl: "x".repeat(length) });
      expect((await disk.find("a"))?.metadata.head.cacheControl?.length).toBe(length);
    }
  });
  test("holds the files of several origins, and shows each its own alone", async () => {
    const [one, two] = [new Disk(folder, "one"), new Disk(folder, "two")];
    await keep(one, "a", "1");
    await keep(two, "b", "2");
    expect([await scanned(one), await scanned(two)]).toEqual([["a"], ["b"]]);
    expect(readdirSync(folder)).toHaveLength(2);
  });
  test("leaves its own drafts alone when it scans, and removes those of others", async () => {
    const [old, running] = [new Disk(folder, "o"), new Disk(folder, "o")];
    const left = await old.draft(ROOM);
    const draft = await running.draft(ROOM);
    expect(await scanned(running)).toEqual([]);
    expect(readdirSync(folder)).toHaveLength(1);
    await draft.finish({ key: "b", head: {}, ...times });
    draft.place(pathOf(running, "b"));
    expect(await scanned(running)).toEqual(["b"]);
    await left.discard();
  });
});
