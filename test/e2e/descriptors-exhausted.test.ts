/** A program that has no file descriptor left: it goes on with the connections it has, and recovers by itself. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type KeptConnection, keepConnections } from "../support/kept-connection.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { descriptorsOf } from "../support/process-facts.ts";
import type { RunningProxy } from "../support/proxy.ts";
import { bytesOf, get, type Site, startSiteOf, until } from "../support/site.ts";
import { EVERY_WAY } from "./streaming-site.ts";

setDefaultTimeout(60_000);

const MAIN = join(import.meta.dir, "../../src/main.ts");
/** Most descriptors that the program may have. */
const MOST = 160;
const LIMITED = ["bash", "-c", `ulimit -n ${MOST}; exec "$@"`, "limited", process.execPath, MAIN];
/** So many that each of 4 threads has some. */
const CONNECTIONS = 24;

const SMALL = bytesOf(3_000, 1);
const LARGE = bytesOf(300_000, 2);

let site: Site<MemoryS3>;
beforeAll(async () => {
  site = await startSiteOf(await startMemoryS3());
});
afterAll(() => site?.stop());

/** Connections that begin a request and never end it, until the program has no descriptor for another. */
async function exhaust({ port, pid }: RunningProxy): Promise<Socket[]> {
  const sockets = Array.from({ length: MOST }, () => {
    const socket = connect(port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\n"));
    socket.on("error", () => {});
    return socket;
  });
  await until(() => descriptorsOf(pid) >= MOST);
  return sockets;
}

describe.each(EVERY_WAY)("with $threads thread(s), over $protocol", ({ threads, protocol }) => {
  test("what is cached is answered on the connections that are there; nothing crashes, and it recovers", async () => {
    const proxy = await site.start({ threads, command: LIMITED });
    const keyOf = (name: string) => `${name}-${threads}-${protocol.at(-1)}`;
    const expectRight = async ({ get }: Pick<KeptConnection, "get">, name: string) => {
      const answer = await get(`/${keyOf(name)}`);
      const body = Buffer.from(name.startsWith("small") ? SMALL : LARGE);
      expect([name, answer.status, answer.isComplete]).toEqual([name, 200, true]);
      // Over HTTP/1.1 a streamed body has its framing in it.
      if ("content-length" in answer.headers) expect(answer.body.equals(body)).toBe(true);
    };
    const names = ["small", "large", "small-cold", "large-cold"];
    for (const name of names) site.s3.put(keyOf(name), name.startsWith("small") ? SMALL : LARGE);
    const kept = await keepConnections(proxy.port, protocol, CONNECTIONS);
    for (const connection of kept) for (const name of ["small", "large"]) await expectRight(connection, name);
    const sockets = await exhaust(proxy);
    for (const connection of kept) await expectRight(connection, "small");
    // No file can be opened, and S3 be asked only over a connection that is open: else it is an honest error.
    for (const connection of kept)
      for (const name of ["large", "small-cold", "large-cold"])
        expect([200, 502]).toContain((await connection.get(`/${keyOf(name)}`)).status);
    for (const socket of sockets) socket.destroy();
    await until(() => descriptorsOf(proxy.pid) < MOST / 2);
    await until(async () => (await get(proxy, `/${keyOf("large-cold")}`)).status === 200);
    for (const name of names) {
      await expectRight({ get: (path) => get(proxy, path, { protocol }) }, name);
      for (const connection of kept) await expectRight(connection, name);
    }
    for (const connection of kept) connection.close();
    const { exitCode, stdout, stderr } = await proxy.stop();
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(stdout).not.toContain(" critical ");
  });
});
