/** A thread that stands still after it has chosen an answer's headers and before Bun has opened the file that goes with them. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keptIn } from "../support/cache-directory.ts";
import { ask, PROTOCOLS } from "../support/client.ts";
import { type KeptConnection, keepConnections } from "../support/kept-connection.ts";
import type { S3Backend } from "../support/s3-backend.ts";
import { AUTH_KEY, bytesOf, framesIn, type Site, startSite, until } from "../support/site.ts";

setDefaultTimeout(30_000);

const PRELOAD = join(import.meta.dir, "../support/held-answer-preload.ts");
const MAIN = join(import.meta.dir, "../../src/main.ts");
/** So large that it is never held in memory, but sent from its file. */
const BODY_BYTES = 400_000;
/** So many that both threads serve some. */
const CONNECTIONS = 32;

let site: Site<S3Backend>;
beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site?.stop());

/** Two connections that different threads serve. */
async function connectTwoThreads(port: number, protocol: (typeof PROTOCOLS)[number]) {
  const byThread = new Map<string, KeptConnection>();
  for (const connection of await keepConnections(port, protocol, CONNECTIONS))
    byThread.set((await connection.get("/?thread")).text, connection);
  return [...byThread.values()] as [KeptConnection, KeptConnection];
}

/** True once a file has its name, or is whole and waits for it. */
function isWritten(directory: string): boolean {
  return keptIn(directory).some((name) => statSync(join(directory, name)).size > BODY_BYTES);
}

test.each([...PROTOCOLS])(
  "an answer over %s whose file was cleared, and fetched again, before it was opened has the headers of its bytes",
  async (protocol) => {
    const key = `held-${protocol.at(-1)}`;
    const [cacheDir, held] = [site.directory(), site.directory()];
    const proxy = await site.start({
      cacheDir,
      threads: 2,
      command: [process.execPath, "--preload", PRELOAD, MAIN],
      environment: { HOLD_DIRECTORY: held },
      args: ["--admin-port", "0"],
    });
    const adminPort = Number(/ adminPort=(\d+)/.exec(await proxy.line(/ Listening /))?.[1]);
    await site.s3.put(key, bytesOf(BODY_BYTES, 1));
    const [one, other] = await connectTwoThreads(proxy.port, protocol);
    for (let times = 0; times < 3; times++) await one.get(`/${key}`);
    expect(framesIn(cacheDir)).toHaveLength(1);
    await site.s3.put(key, bytesOf(BODY_BYTES, 2));

    const answered = one.get(`/${key}?hold`);
    await until(() => keptIn(held).includes("held"));
    const cleared = ask(adminPort, {
      method: "DELETE",
      path: "/_proxy/_private/_cache/clear",
      headers: { Authorization: `Bearer ${AUTH_KEY}` },
    });
    await until(() => framesIn(cacheDir).length === 0);
    const filled = other.get(`/${key}`);
    await until(() => isWritten(cacheDir));
    writeFileSync(join(held, "released"), "");

    const [answer, fill] = await Promise.all([answered, filled]);
    expect(fill.body.equals(bytesOf(BODY_BYTES, 2))).toBe(true);
    expect([answer.status, answer.isComplete]).toEqual([200, true]);
    expect([answer.headers.etag, answer.body.equals(fill.body)]).toEqual([fill.headers.etag, true]);
    expect((await cleared).status).toBe(200);
    await proxy.stop();
  },
);
