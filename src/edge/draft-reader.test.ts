import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Progress } from "../keeper/progress.ts";
import type { GrowingEntry } from "../keeper/protocol.ts";
import { DraftReader } from "./draft-reader.ts";
import { PIECE_BYTES } from "./stored-body.ts";

let folder: string;
let fd: number;
let progress: Progress;
let entry: GrowingEntry;
let generation = 1000;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "s3proxy-draft-reader-"));
  fd = openSync(join(folder, "draft"), "w+");
  progress = new Progress();
  const body = { kind: "growing", fd, progress: progress.buffer, edge: 0 } as const;
  const times = { storedAtMs: 0, freshUntilMs: 0, expiresAtMs: 0 };
  const content = { kind: "object", head: {}, bodyBytes: 0, body } as const;
  entry = { key: "a", generation: ++generation, useIndex: 1, content, ...times };
});

afterEach(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

function write(text: string, position = 0): void {
  writeSync(fd, text, position);
}

async function read(reader: DraftReader, first: number, until: number): Promise<string> {
  return new TextDecoder().decode(await reader.read(first, until));
}

describe("a draft's reader", () => {
  test("gives the bytes from the first to the one before the last", async () => {
    write("abcdefgh");
    const reader = DraftReader.of(entry, progress);
    expect(await read(reader, 2, 5)).toBe("cde");
    expect(await read(reader, 5, 8)).toBe("fgh");
    expect(await read(reader, 0, 8)).toBe("abcdefgh");
    reader.close();
  });

  test("reads once for all who want the same bytes", async () => {
    write("before");
    const one = DraftReader.of(entry, progress);
    const other = DraftReader.of(entry, progress);
    expect(await read(one, 0, 6)).toBe("before");
    // A draft's bytes never change; here that tells a second read from none.
    write("behind");
    expect(await read(other, 0, 6)).toBe("before");
    expect(await read(other, 3, 6)).toBe("ore");
    one.close();
    expect(await read(other, 0, 6)).toBe("before");
    other.close();
  });

  test("holds nothing once nobody uses it", async () => {
    write("before");
    const reader = DraftReader.of(entry, progress);
    expect(await read(reader, 0, 6)).toBe("before");
    reader.close();
    write("behind");
    const next = DraftReader.of(entry, progress);
    expect(await read(next, 0, 6)).toBe("behind");
    next.close();
  });

  test("gives what it holds of a longer run, and no more at once than a client is handed", async () => {
    write("x".repeat(PIECE_BYTES + 10));
    const reader = DraftReader.of(entry, progress);
    expect((await reader.read(0, 10)).length).toBe(10);
    expect((await reader.read(5, 20)).length).toBe(5);
    expect((await reader.read(10, PIECE_BYTES + 10)).length).toBe(PIECE_BYTES);
    reader.close();
  });

  test("throws where the disk gives fewer bytes, and reads again for the next", async () => {
    write("abc");
    const reader = DraftReader.of(entry, progress);
    await expect(reader.read(0, 6)).rejects.toThrow("3 bytes of a draft, wanted 6");
    ftruncateSync(fd, 0);
    write("abcdef");
    expect(await read(reader, 0, 6)).toBe("abcdef");
    reader.close();
  });

  test("waits once for all", async () => {
    const reader = DraftReader.of(entry, progress);
    const { mark } = progress;
    const waiting = reader.changedSince(mark);
    expect(reader.changedSince(mark)).toBe(waiting);
    progress.end("whole");
    await waiting;
    expect(reader.changedSince(progress.mark)).not.toBe(waiting);
    progress.end("whole");
    reader.close();
  });
});
