/** Everything known of a path, as JSON and as text for a terminal. */

import type { KeyFacts } from "../keeper/key-facts.ts";
import {
  answerInWords,
  lastAnswerInWords,
  meaningInWords,
  type PathFacts,
  secondsUntil,
  timeOf,
  websiteInWords,
} from "./explanation-words.ts";

/** What is answered; times are in UTC. What doesn't apply is absent. */
export type Explanation = ReturnType<typeof explanationOf>;

/** Puts the facts into the form that is answered. */
export function explanationOf(facts: PathFacts) {
  const { path, meaning, key } = facts;
  return {
    path,
    key: meaning.kind === "object" ? meaning.key : null,
    meaning: meaningInWords(facts),
    answer: answerInWords(facts),
    now: timeOf(facts.nowMs),
    ...(key && explainedKey(key)),
    website: websiteInWords(facts),
  };
}

function explainedKey(key: KeyFacts) {
  const { content, memory, disk, shared, isArriving, isBeingAsked, passedUntilMs, object, freshness } = key;
  return {
    cache: {
      content,
      memory,
      disk,
      ...(shared !== undefined && { redis: shared }),
      isArriving,
      isBeingAsked,
      ...(passedUntilMs !== undefined && { passedUntil: timeOf(passedUntilMs) }),
      ...(key.lastAnswer?.notStored !== undefined && { notStored: key.lastAnswer.notStored }),
    },
    ...(object && explainedObject(object)),
    ...(object && { variants: key.variants }),
    ...(freshness && { freshness: explainedFreshness(freshness, key.nowMs) }),
    s3: explainedAnswer(key),
  };
}

function explainedObject({ head, bodyBytes }: NonNullable<KeyFacts["object"]>) {
  const { etag, lastModified, ...others } = head;
  return {
    object: { bodyBytes, ...others },
    validators: { etag: etag ?? null, lastModified: lastModified ?? null },
  };
}

function explainedFreshness(freshness: NonNullable<KeyFacts["freshness"]>, nowMs: number) {
  const { isFresh, storedAtMs, freshUntilMs, decidedBy, whileRevalidateUntilMs, ifErrorUntilMs } = freshness;
  return {
    isFresh,
    storedAt: timeOf(storedAtMs),
    ageSeconds: Math.max(0, Math.floor((nowMs - storedAtMs) / 1000)),
    lifetimeSeconds: Math.round((freshUntilMs - storedAtMs) / 1000),
    decidedBy,
    ttlSeconds: secondsUntil(freshUntilMs, nowMs),
    freshUntil: timeOf(freshUntilMs),
    staleWhileRevalidateUntil: timeOf(whileRevalidateUntilMs),
    staleIfErrorUntil: timeOf(ifErrorUntilMs),
  };
}

function explainedAnswer({ lastAnswer: last, originFailing, nowMs }: KeyFacts) {
  return {
    said: lastAnswerInWords(last),
    ...(last && {
      at: timeOf(last.atMs),
      secondsAgo: Math.floor((nowMs - last.atMs) / 1000),
      tookMs: last.tookMs,
    }),
    ...(last?.said && { status: last.said.status, code: last.said.code }),
    ...(originFailing !== undefined && { failing: originFailing }),
  };
}

/** The same for people: a line for each thing, its name in front. */
export function explanationText(it: Explanation): string {
  const rows: [string, string][] = [
    ["path", it.path],
    ["means", it.meaning],
    ...(it.key === null ? [] : [["key", JSON.stringify(it.key)] as [string, string]]),
    ["answer", it.answer],
    ...keyRows(it),
    ...it.website.map((each): [string, string] => ["website", each]),
    ["now", it.now],
  ];
  return rows
    .map(([name, text], row) => `${(rows[row - 1]?.[0] === name ? "" : name).padEnd(NAME_WIDTH)}${text}\n`)
    .join("");
}

const NAME_WIDTH = 12;

function keyRows({
  cache,
  object,
  validators,
  variants,
  freshness,
  s3,
}: Partial<Explanation>): [string, string][] {
  const rows: [string, string][] = [];
  if (cache !== undefined) {
    const shared = cache.redis === undefined ? "" : `; redis: ${cache.redis}`;
    rows.push(["cache", `${cache.content}; memory: ${cache.memory}; disk: ${cache.disk}${shared}`]);
    if (cache.isArriving) rows.push(["cache", "a body is arriving from S3"]);
    if (cache.isBeingAsked) rows.push(["cache", "S3 is being asked"]);
    if (cache.notStored !== undefined) rows.push(["cache", `not stored: ${cache.notStored}`]);
  }
  if (object !== undefined) {
    const { bodyBytes, ...head } = object;
    rows.push(
      ["object", `${bodyBytes} bytes`],
      ...Object.entries(head).map(([name, value]) => ["object", `${name}: ${value}`] as [string, string]),
    );
  }
  if (validators !== undefined)
    rows.push([
      "validators",
      `etag ${validators.etag ?? "none"}; last-modified ${validators.lastModified ?? "none"}`,
    ]);
  for (const { coding, bodyBytes, isAtHand } of variants ?? [])
    rows.push(["variants", `${coding}, ${bodyBytes} bytes${isAtHand ? "" : ", on disk"}`]);
  if (freshness !== undefined) {
    const { ageSeconds, lifetimeSeconds, ttlSeconds, decidedBy } = freshness;
    rows.push(
      ["freshness", `${lifetimeSeconds} s (${decidedBy}) - age ${ageSeconds} s = ${ttlSeconds} s`],
      ["freshness", `stored ${freshness.storedAt}, fresh until ${freshness.freshUntil}`],
      [
        "freshness",
        `stale while S3 is asked until ${freshness.staleWhileRevalidateUntil}, while it fails until ${freshness.staleIfErrorUntil}`,
      ],
    );
  }
  if (s3 !== undefined) {
    rows.push(["s3", s3.said]);
    if (s3.at !== undefined)
      rows.push(["s3", `that was ${s3.secondsAgo} s ago (${s3.at}) and took ${s3.tookMs} ms`]);
    if (s3.failing !== undefined) rows.push(["s3", `it is failing now, whatever is asked: ${s3.failing}`]);
  }
  return rows;
}
