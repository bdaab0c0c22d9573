/** A takeover, seen where visits are stored: each is there once. */

import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { ask, PROTOCOLS } from "../support/client.ts";
import { type LineServer, startLineServer } from "../support/line-server.ts";
import { until } from "../support/site.ts";
import { startTakeovers, type TakeoverSite } from "./takeover-site.ts";

setDefaultTimeout(60_000);

/** Each asks one request after the other. */
const CLIENTS = 4;

let site: TakeoverSite;
let questDb: LineServer;
beforeEach(async () => {
  site = await startTakeovers();
  questDb = await startLineServer();
});
afterEach(async () => {
  await site?.stop();
  await questDb?.stop();
});

const start = (threads: number) =>
  site.start(threads, ["--ilp-host", "127.0.0.1", "--ilp-port", String(questDb.port)]);

/** Asks for pages whose names are never the same again, until it is told to stop. Resolves with those that were answered, sorted. */
function askOn(port: number): () => Promise<string[]> {
  const answered: string[] = [];
  let isOver = false;
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    for (let number = 0; !isOver; number++) {
      const protocol = PROTOCOLS[number % PROTOCOLS.length] ?? "HTTP/1.1";
      const path = `/missing/${client}/${number}`;
      expect((await ask(port, { protocol, path })).status).toBe(404);
      answered.push(path);
    }
  });
  const all = Promise.all(clients);
  all.catch(() => {});
  return async () => {
    isOver = true;
    await all;
    return answered.sort();
  };
}

/** The paths of all that has been stored, sorted. */
const storedPaths = () =>
  questDb
    .lines()
    .map((line) => /,resource=([^, ]+)/.exec(line)?.[1] ?? line)
    .sort();

test.each([1, 2])(
  "with --threads %p no visit is lost under load, and none is stored twice",
  async (threads) => {
    const first = await start(threads);
    const stop = askOn(first.port);
    await until(() => questDb.lines().length > 0);
    const second = await start(threads);
    expect((await first.ended).exitCode).toBe(0);
    const answered = await stop();
    await second.stop();
    expect(storedPaths()).toEqual(answered);
  },
);

test("what waits in the spool is the new one's to store, though nobody visits it", async () => {
  await questDb.refuse(true);
  const first = await start(1);
  await first.line(/Visits can't be stored and wait/);
  const answered = ["/a", "/b"];
  for (const path of answered) await ask(first.port, { path });
  const second = await start(1);
  await first.line(/Visits wait in the spool sink=questdb visits=2/);
  expect((await first.ended).exitCode).toBe(0);
  await questDb.refuse(false);
  await until(() => questDb.lines().length >= answered.length);
  await second.stop();
  expect(storedPaths()).toEqual(answered);
});
