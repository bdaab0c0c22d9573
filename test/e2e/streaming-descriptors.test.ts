/** Fills that end in every way, and clients that come and go: no descriptor stays open, no draft, no connection. */

import { afterAll, beforeAll, describe, setDefaultTimeout, test } from "bun:test";
import { PROTOCOLS } from "../support/client.ts";
import { descriptorsOf, openFilesOf } from "../support/process-facts.ts";
import { bytesOf, clear, until } from "../support/site.ts";
import type { StreamedAnswer } from "../support/streamed-answer.ts";
import {
  allHave,
  type StreamingSite,
  startStreamingSite,
  subjectOf,
  THREADS,
  untilAtMost,
} from "./streaming-site.ts";

setDefaultTimeout(60_000);

const BODY = bytesOf(1_200_000, 1);
const HALF = BODY.length / 2;
const CLIENTS = 16;
const ROUNDS = 3;

let site: StreamingSite;
beforeAll(async () => {
  site = await startStreamingSite();
});
afterAll(() => site?.stop());

/** What clients who have half of an object do then. */
const FATES: Readonly<Record<string, (clients: readonly StreamedAnswer[]) => void>> = {
  stay() {},
  leave(clients) {
    for (const client of clients) client.leave();
  },
  "leave-in-part"(clients) {
    for (const client of clients.slice(1)) client.leave();
  },
  "pause-and-leave"(clients) {
    for (const client of clients) client.pause();
    for (const client of clients) client.leave();
  },
};

describe.each([...THREADS])("with %d thread(s)", (threads) => {
  const subjects = PROTOCOLS.map((protocol) => subjectOf(() => site, threads, protocol));
  const { proxy, drafts, settle } = subjects[0] as (typeof subjects)[number];
  let rounds = 0;

  /** One object for each fate and protocol, held at its half; cut there where `isCut`. */
  async function playRound(isCut: boolean, isCleared: boolean): Promise<void> {
    rounds += 1;
    const parts = subjects.flatMap(({ keyOf, streams }) =>
      Object.entries(FATES).map(async ([name, decide]) => {
        const key = keyOf(`${name}-${rounds}`);
        site.s3.put(key, BODY);
        const hold = site.s3.holdBody(key, HALF);
        if (isCut) site.s3.cut(key, HALF + 1_000, 1);
        const clients = streams(CLIENTS, key, BODY);
        await allHave(clients, HALF);
        decide(clients);
        return { hold, clients };
      }),
    );
    const all = await Promise.all(parts);
    if (isCleared) await clear(proxy());
    await settle();
    for (const { hold } of all) hold.release();
    await Promise.all(all.flatMap(({ clients }) => clients.map((client) => client.ended)));
    await settle();
    await until(() => drafts() === 0);
  }

  /** Drops the connections to S3 that are kept for the next question. */
  async function dropConnections(): Promise<void> {
    await site.gate.refuse(true);
    await site.gate.refuse(false);
  }

  test("clients that stay, leave, pause, are cut off or cleared leave no descriptor behind", async () => {
    await playRound(false, false);
    await dropConnections();
    await untilAtMost(1, () => openFilesOf(proxy().pid, proxy().cacheDir).length);
    // What a round leaves for good, such as a thread's own pipes, is there by now; what closes later only makes it stricter.
    const before = descriptorsOf(proxy().pid);
    for (let round = 0; round < ROUNDS; round++) await playRound(round === 1, round === 2);
    await dropConnections();
    // The lock is the only file of the cache that stays open.
    await untilAtMost(1, () => openFilesOf(proxy().pid, proxy().cacheDir).length);
    await untilAtMost(before, () => descriptorsOf(proxy().pid));
  });
});
