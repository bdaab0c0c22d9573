/** A serving thread that ends while its clients are being sent an object that is still on its way. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { PROTOCOLS } from "../support/client.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { openFilesOf } from "../support/process-facts.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import { bytesOf, until } from "../support/site.ts";
import { askStreamed } from "../support/streamed-answer.ts";
import { allHave, endsOf, ON_ALL_THREADS } from "./streaming-site.ts";

setDefaultTimeout(30_000);

const PRELOAD = join(import.meta.dir, "../support/threads-preload.ts");
const MAIN = join(import.meta.dir, "../../src/main.ts");
const BODY = bytesOf(4_000_000, 1);
const QUARTER = BODY.length / 4;

let s3: MemoryS3;
let proxy: RunningProxy;
beforeAll(async () => {
  s3 = await startMemoryS3();
  const command = [process.execPath, "--preload", PRELOAD, MAIN];
  proxy = await startProxy({ s3, threads: 2, command, args: ["--origin-timeout", "3600"] });
});
afterAll(async () => {
  await proxy?.stop();
  await s3?.stop();
});

/** Ends the oldest thread while clients on both have a quarter of an object; resolves when it has been replaced. */
async function endThread(key: string) {
  const number = (proxy.stdout().match(/^Thread \d+ is started$/gm)?.length ?? 0) + 1;
  s3.put(key, BODY);
  const hold = s3.holdBody(key, QUARTER);
  const clients = PROTOCOLS.flatMap((protocol) =>
    Array.from({ length: ON_ALL_THREADS / 2 }, () =>
      askStreamed(proxy.port, { protocol, path: `/${key}`, body: BODY }),
    ),
  );
  await allHave(clients, QUARTER);
  proxy.signal("SIGUSR1");
  await proxy.line(new RegExp(`^Thread ${number} is started$`));
  await Promise.race(clients.map((client) => client.ended));
  return { hold, clients };
}

test("clients of other threads get everything from the same fill, and those of its own are broken off", async () => {
  const { hold, clients } = await endThread("others");
  hold.release();
  const ends = await endsOf(clients, BODY);
  expect(Object.keys(ends).sort()).toEqual(["200 aborted", "200 whole"]);
  expect(s3.countOf("others")).toBe(1);
});

test("nothing of it stays open: neither the connection to S3 when the others leave, nor a descriptor", async () => {
  const { clients } = await endThread("nobody");
  for (const client of clients) client.leave();
  await s3.ended("nobody", 1);
  expect(s3.requests.find(({ key }) => key === "nobody")?.outcome).toBe("aborted");
  // The lock is the only file of the cache that stays open.
  await until(() => openFilesOf(proxy.pid, proxy.cacheDir).length <= 1);
});
