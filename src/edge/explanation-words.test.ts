import { describe, expect, test } from "bun:test";
import type { KeyFacts, LastAnswer } from "../keeper/key-facts.ts";
import { explanationOf, explanationText } from "./explanation.ts";
import { answerInWords, lastAnswerInWords, type PathFacts, websiteInWords } from "./explanation-words.ts";
import { meaningOf } from "./route.ts";
import { type WebsiteOptions, websiteOf } from "./website-config.ts";

const NOW_MS = Date.UTC(2026, 0, 31, 3);
const ASKED = { atMs: NOW_MS - 5_000, tookMs: 12 };

function keyFacts(parts: Partial<KeyFacts> = {}): KeyFacts {
  return {
    key: "x",
    nowMs: NOW_MS,
    content: "unknown",
    memory: "none",
    disk: "none",
    shared: undefined,
    object: undefined,
    variants: [],
    freshness: undefined,
    isArriving: false,
    isBeingAsked: false,
    passedUntilMs: undefined,
    lastAnswer: undefined,
    originFailing: undefined,
    ...parts,
  };
}

/** Of an entry whose lifetime ended so many seconds ago, with windows of 60 and 3,600 seconds. */
function staleFor(seconds: number, parts: Partial<KeyFacts> = {}): KeyFacts {
  const freshUntilMs = NOW_MS - seconds * 1000;
  const freshness = {
    isFresh: seconds < 0,
    storedAtMs: freshUntilMs - 300_000,
    freshUntilMs,
    decidedBy: "--ttl",
    whileRevalidateUntilMs: freshUntilMs + 60_000,
    ifErrorUntilMs: freshUntilMs + 3_600_000,
  };
  return keyFacts({ content: "object", memory: "whole", disk: "whole", freshness, ...parts });
}

function pathFacts(
  path: string,
  parts: Partial<PathFacts> = {},
  options: Partial<WebsiteOptions> = {},
): PathFacts {
  const website = websiteOf({
    indexDocument: undefined,
    errorDocument: undefined,
    isSpa: false,
    isListed: false,
    ...options,
  });
  const meaning = meaningOf(path, website.indexDocument);
  const key = meaning.kind === "object" ? keyFacts() : undefined;
  return {
    path,
    meaning,
    website,
    nowMs: NOW_MS,
    key,
    folder: undefined,
    errorDocument: undefined,
    ...parts,
  };
}

describe("what S3 said last", () => {
  const said = (status: number, code: string) => ({ said: { status, code } });
  test.each<[Partial<LastAnswer> & Pick<LastAnswer, "result">, string]>([
    [{ result: "object" }, "200: here is the object"],
    [{ result: "unchanged" }, "304: what is stored is still right"],
    [{ result: "missing", ...said(404, "NoSuchKey") }, "404 NoSuchKey: there is no such key"],
    [{ result: "missing", ...said(404, "HTTP 404") }, "HTTP 404: there is no such key"],
    [{ result: "missing", ...said(400, "KeyTooLongError") }, "400 KeyTooLongError: no key is that long"],
    [
      { result: "missing", ...said(403, "AccessDenied") },
      "403 AccessDenied: the key may be missing and the credentials lack s3:ListBucket, or they may not read it",
    ],
    [
      { result: "denied", ...said(403, "AccessDenied") },
      "403 AccessDenied: the credentials may not read this key; were it missing, S3 would say 404",
    ],
    [
      { result: "origin-refused", reason: "NoSuchBucket: Gone" },
      "it doesn't accept the credentials, the region, the bucket or this machine's clock (origin-refused, NoSuchBucket: Gone)",
    ],
    [{ result: "origin-timeout" }, "no answer in time (origin-timeout)"],
  ])("%j is told as %p", (last, words) => {
    expect(lastAnswerInWords({ ...ASKED, ...last })).toBe(words);
  });
  test("nothing is told as what is remembered", () => {
    expect(lastAnswerInWords(undefined)).toBe(
      "not asked for this key since the start, or not among the last 10,000 keys",
    );
  });
});

describe("the answer of now", () => {
  const failing = { originFailing: "origin-timeout" };
  test.each([
    ["fresh", staleFor(-287), "the object from memory, fresh for 287 s more; S3 isn't asked"],
    [
      "fresh on disk",
      staleFor(-1, { memory: "none" }),
      "the object from its file, fresh for 1 s more; S3 isn't asked",
    ],
    [
      "fresh and lost",
      staleFor(-1, { memory: "headers", disk: "lost" }),
      "the object, from S3 again where its file is gone, fresh for 1 s more; S3 isn't asked",
    ],
    ["just stale", staleFor(59), "the stale copy at once; S3 is asked behind it"],
    [
      "stale",
      staleFor(60),
      "what S3 says: it is asked first whether the stale copy is still right; where that fails, the stale copy",
    ],
    [
      "stale while S3 fails",
      staleFor(3599, failing),
      "the stale copy at once, because S3 fails (origin-timeout); S3 is asked behind it when its turn comes",
    ],
    [
      "too stale while S3 fails",
      staleFor(3600, failing),
      "what S3 says: it is asked first whether the stale copy is still right",
    ],
    [
      "missing no longer, while S3 fails",
      staleFor(1, { content: "missing", ...failing }),
      "S3 is asked again: that it is missing was remembered long enough",
    ],
    [
      "being asked",
      keyFacts({ isBeingAsked: true }),
      "what S3 says: it is being asked, and whoever comes waits for the same answer",
    ],
    [
      "failed",
      keyFacts({ lastAnswer: { result: "origin-cut", ...ASKED } }),
      "what S3 says: the cache has nothing, and the last question failed",
    ],
  ])("of what is %s", (_, key, words) => {
    expect(answerInWords(pathFacts("/x", { key }))).toBe(words);
  });
});

describe("what the website makes of it", () => {
  const missing = keyFacts({ content: "missing" });
  test("nothing, where the object is there", () => {
    expect(websiteInWords(pathFacts("/x", { key: staleFor(-1) }, { isSpa: true }))).toEqual([]);
  });
  test("a redirect, where the object has one", () => {
    const key = staleFor(-1, { object: { head: { redirectLocation: "/new" }, bodyBytes: 0 } });
    expect(websiteInWords(pathFacts("/x", { key }))).toEqual(["the object itself redirects to /new (301)"]);
  });
  test("names, pages and the error document, in the order in which they are asked", () => {
    const folder = keyFacts({ key: "x/index.html", content: "missing" });
    const options = { isListed: true, isSpa: true, errorDocument: "404.html" };
    expect(websiteInWords(pathFacts("/x", { key: missing, folder }, options))).toEqual([
      'a redirect to /x/ (302) where the folder has names (--listing); "x/index.html" is missing',
      'who takes text/html gets "index.html" with 200 (--spa)',
      '404 with the error document "404.html"',
    ]);
    expect(websiteInWords(pathFacts("/x/", { key: missing }, options))[0]).toBe(
      "a page of the folder's names, where it has any (--listing)",
    );
  });
  test("no page for what looks like a file", () => {
    expect(websiteInWords(pathFacts("/a.js", { key: missing }, { isSpa: true }))).toEqual([
      "404 with the proxy's own page",
    ]);
  });
  test("the error document for a malformed path", () => {
    expect(websiteInWords(pathFacts("/%zz", {}, { errorDocument: "e" }))).toEqual([
      '400 with the error document "e"',
    ]);
  });
});

test("as text it is a line for each thing", () => {
  const object = { head: { etag: '"e"', contentType: "text/html" }, bodyBytes: 12 };
  const lastAnswer = { result: "object", ...ASKED } as const;
  const variants = [{ coding: "br", bodyBytes: 9, isAtHand: false }] as const;
  const key = staleFor(-287, { object, lastAnswer, variants });
  expect(explanationText(explanationOf(pathFacts("/x", { key })))).toBe(`path        /x
means       the key of that name
key         "x"
answer      the object from memory, fresh for 287 s more; S3 isn't asked
cache       object; memory: whole; disk: whole
object      12 bytes
            contentType: text/html
validators  etag "e"; last-modified none
variants    br, 9 bytes, on disk
freshness   300 s (--ttl) - age 13 s = 287 s
            stored 2026-01-31T02:59:47.000Z, fresh until 2026-01-31T03:04:47.000Z
            stale while S3 is asked until 2026-01-31T03:05:47.000Z, while it fails until 2026-01-31T04:04:47.000Z
s3          200: here is the object
            that was 5 s ago (2026-01-31T02:59:55.000Z) and took 12 ms
now         2026-01-31T03:00:00.000Z
`);
});
