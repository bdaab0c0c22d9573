import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Entry, KeeperClient, Lookup, ObjectEntry } from "../keeper/protocol.ts";
import { Uses } from "../keeper/uses.ts";
import { createLog } from "../log/log.ts";
import type { Operations } from "../telemetry/operations.ts";
import { ClientAddresses } from "./client-address.ts";
import { corsPolicy } from "./cors.ts";
import { createHandler } from "./handler.ts";
import { HotMap } from "./hot-map.ts";
import { LiveFeed } from "./live-feed.ts";
import { websiteOf } from "./website-config.ts";

const BODY_BYTES = 100_000;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "s3proxy-handler-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A file as the cache has them: a body, and something behind it. */
function frame(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, new Uint8Array(BODY_BYTES + 100));
  return path;
}

function fileEntry(generation: number, path: string): Entry {
  const body = { kind: "file", path, isChecked: true } as const;
  const content = { kind: "object", head: { etag: `"${generation}"` }, bodyBytes: BODY_BYTES, body } as const;
  return {
    key: "a",
    generation,
    useIndex: 0,
    content,
    storedAtMs: 0,
    freshUntilMs: 1_000,
    expiresAtMs: 1_000,
  };
}

const peerOf = () => "192.0.2.1";

const operations: Operations = {
  readiness: () => Promise.reject(),
  metrics: () => Promise.reject(),
  overview: () => Promise.reject(),
  explain: () => Promise.reject(),
};

function handlerOf(keeper: Partial<KeeperClient>) {
  return createHandler({
    keeper: {
      lookup: () => Promise.reject(),
      list: () => Promise.reject(),
      seek: () => Promise.reject(),
      represent: () => Promise.reject(),
      clearEverywhere: () => Promise.reject(),
      ...keeper,
    },
    operations,
    live: new LiveFeed(operations),
    hotMap: new HotMap(),
    requestsUnderWay: () => 0,
    uses: new Uses(),
    cors: corsPolicy([]),
    authKey: undefined,
    isManaging: true,
    bucket: "bucket",
    prefix: "",
    rejectQueryStrings: false,
    website: websiteOf({ indexDocument: undefined, errorDocument: undefined, isSpa: false, isListed: false }),
    headerRules: [],
    addresses: new ClientAddresses([]),
    observers: [],
    nowNs: () => 0,
    nowMs: () => 0,
    log: createLog(
      "critical",
      () => {},
      () => 0,
    ),
  });
}

function found(entry: Entry): Lookup {
  return { kind: "entry", status: "hit", entry, isKept: true };
}

function lost(path: string): Error {
  return Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), {
    code: "ENOENT",
    syscall: "open",
    path,
  });
}

const request = () => new Request("http://localhost/a", { headers: { host: "localhost" } });

test("a file that is deleted after it was looked at is answered by asking the keeper again", async () => {
  const path = frame("first");
  let current = fileEntry(1, path);
  const handler = handlerOf({ lookup: () => found(current) });
  expect((await handler.answer(request(), (_, it) => it, peerOf)).headers.get("etag")).toBe('"1"');
  rmSync(path);
  current = fileEntry(2, frame("second"));
  const recovered = await handler.recover(lost(path));
  expect([recovered?.status, recovered?.headers.get("etag")]).toEqual([200, '"2"']);
});

test("the file of an answer in place of another is open already: it may be deleted too", async () => {
  const [path, second] = [frame("first"), frame("second")];
  let current = fileEntry(1, path);
  const handler = handlerOf({ lookup: () => found(current) });
  await handler.answer(request(), (_, it) => it, peerOf);
  rmSync(path);
  current = fileEntry(2, second);
  const recovered = await handler.recover(lost(path));
  rmSync(second);
  expect((await recovered?.bytes())?.length).toBe(BODY_BYTES);
});

test("a copy whose file is gone is complained of by its generation, and the next one is answered", async () => {
  const complaints: (number | undefined)[] = [];
  const entries = [fileEntry(1, join(folder, "gone")), fileEntry(2, frame("there"))];
  const handler = handlerOf({
    lookup(_key, unusable) {
      complaints.push(unusable);
      return found(entries[complaints.length - 1]!);
    },
  });
  expect((await handler.answer(request(), (_, it) => it, peerOf)).headers.get("etag")).toBe('"2"');
  expect(complaints).toEqual([undefined, 1]);
});

test("a representation whose file is gone is complained of, and not the object that it is of", async () => {
  const text = fileEntry(1, frame("text")) as ObjectEntry;
  const head = { etag: '"1"', contentType: "text/html" };
  const base = { ...text, content: { ...text.content, head } };
  const gone = { kind: "file", path: join(folder, "gone"), isChecked: true } as const;
  const encoded = { ...base.content, head: { ...head, etag: '"1-br"', contentEncoding: "br" }, body: gone };
  const variant = { ...base, generation: 2, content: encoded };
  const complaints: (number | undefined)[] = [];
  const handler = handlerOf({
    lookup(_key, unusable) {
      complaints.push(unusable);
      return { ...found(base), variants: unusable === 2 ? [] : [variant] } as Lookup;
    },
    represent: async () => false,
  });
  const headers = { host: "localhost", "accept-encoding": "br" };
  const response = await handler.answer(
    new Request("http://localhost/a", { headers }),
    (_, it) => it,
    peerOf,
  );
  expect([response.status, response.headers.get("etag")]).toEqual([200, '"1"']);
  expect(complaints).toEqual([undefined, 2]);
});

test("a client whose question was put to S3 is told so, though the file it was answered from has got another name", async () => {
  const statuses = ["revalidated", "hit"] as const;
  const entries = [fileEntry(1, join(folder, "renamed")), fileEntry(2, frame("another"))];
  let asked = 0;
  const handler = handlerOf({
    lookup: () => {
      const [entry, status] = [entries[asked]!, statuses[asked]!];
      asked++;
      return { kind: "entry", status, entry, isKept: true };
    },
  });
  const answer = await handler.answer(request(), (_, it) => it, peerOf);
  expect(answer.headers.get("etag")).toBe('"2"');
  expect(answer.headers.get("cache-status")).toContain("fwd=stale; fwd-status=304");
});

test("the same where the file gets another name only after it was looked at", async () => {
  const path = frame("is renamed");
  const lookups: Lookup[] = [
    { kind: "entry", status: "revalidated", entry: fileEntry(1, path), isKept: true },
    found(fileEntry(2, frame("its other name"))),
  ];
  const handler = handlerOf({ lookup: () => lookups.shift()! });
  await handler.answer(request(), (_, it) => it, peerOf);
  rmSync(path);
  const recovered = await handler.recover(lost(path));
  expect(recovered?.headers.get("etag")).toBe('"2"');
  expect(recovered?.headers.get("cache-status")).toContain("fwd=stale; fwd-status=304");
});

test("a keeper that only ever names files that are gone is not asked for ever: 500", async () => {
  let asked = 0;
  const handler = handlerOf({ lookup: () => found(fileEntry(++asked, join(folder, "gone"))) });
  expect((await handler.answer(request(), (_, it) => it, peerOf)).status).toBe(500);
  expect(asked).toBeLessThanOrEqual(10);
});

test("a file that was sent and can't be deleted is not answered with in place of the clear", async () => {
  const path = frame("kept");
  const handler = handlerOf({ lookup: () => found(fileEntry(1, path)) });
  await handler.answer(request(), (_, it) => it, peerOf);
  expect(handler.recover(Object.assign(lost(path), { code: "EROFS", syscall: "unlink" }))).toBeUndefined();
});

test("another error, or a file that nothing was answered with, is not recovered from", () => {
  const handler = handlerOf({});
  expect(handler.recover(new Error("other"))).toBeUndefined();
  expect(handler.recover(lost(join(folder, "unheard-of")))).toBeUndefined();
});
