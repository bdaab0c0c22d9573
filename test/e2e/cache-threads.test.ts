/** One question to S3 for any number of clients, and clears that reach every thread. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { PROTOCOLS } from "../support/client.ts";
import { startCrowd, tally } from "../support/crowd.ts";
import { keepConnections } from "../support/kept-connection.ts";
import type { RunningProxy } from "../support/proxy.ts";
import type { S3Backend } from "../support/s3-backend.ts";
import { bytesOf, clear, get, type Site, startSite } from "../support/site.ts";

setDefaultTimeout(110_000);

const CLIENTS = 1_000;
const LARGE_BYTES = 5_000_000;
/** So many that every one of 4 threads serves some. */
const CONNECTIONS = 64;

let site: Site<S3Backend>;
beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site?.stop());

describe.each([1, 4])("with %d thread(s)", (threads) => {
  let proxy: RunningProxy;
  beforeAll(async () => {
    proxy = await site.start({ threads });
  });
  afterAll(() => proxy?.stop());

  describe.each([...PROTOCOLS])("over %s", (protocol) => {
    const keyOf = (name: string) => `${threads}-${protocol.at(-1)}-${name}`;

    test.each([
      ["a small object", "small", 3_000],
      ["an empty object", "empty", 0],
      ["an object of 5 MB", "large", LARGE_BYTES],
    ])("clients that ask at once for %s that isn't cached are one S3 request", async (_, name, length) => {
      const [key, body] = [keyOf(name), bytesOf(length)];
      // A thousand large bodies take seconds: once is enough, where threads and connections are the most.
      const isAllAtOnce = length < LARGE_BYTES || (threads > 1 && protocol === "HTTP/1.1");
      const clients = isAllAtOnce ? CLIENTS : CLIENTS / 10;
      await site.s3.put(key, body);
      const hold = site.gate.hold(key);
      const crowd = await startCrowd(proxy.port, { protocol, path: `/${key}`, clients, body });
      await hold.arrived;
      hold.release();
      expect(tally(await crowd.answers)).toEqual({ "200 right": clients });
      expect(site.gate.countOf(key), site.explain(key)).toBe(1);
    });

    test(`${CLIENTS} clients that ask at once for a missing key are one S3 request`, async () => {
      const key = keyOf("missing");
      const { body } = await get(proxy, "/missing-as-well");
      const hold = site.gate.hold(key);
      const crowd = await startCrowd(proxy.port, { protocol, path: `/${key}`, clients: CLIENTS, body });
      await hold.arrived;
      hold.release();
      expect(tally(await crowd.answers)).toEqual({ "404 right": CLIENTS });
      expect(site.gate.countOf(key), site.explain(key)).toBe(1);
    });

    test("clients of different keys don't wait for each other", async () => {
      const [held, other] = [keyOf("held"), keyOf("other")];
      await site.s3.put(held, "held");
      await site.s3.put(other, "other");
      const hold = site.gate.hold(held);
      const waiting = get(proxy, `/${held}`, { protocol });
      await hold.arrived;
      for (let times = 0; times < 8; times++) {
        expect((await get(proxy, `/${other}`, { protocol })).text).toBe("other");
      }
      hold.release();
      expect((await waiting).text).toBe("held");
    });

    test(`a clear is seen by each of ${CONNECTIONS} connections that had the old bytes`, async () => {
      const connections = await keepConnections(proxy.port, protocol, CONNECTIONS);
      const [small, large, missing] = [keyOf("cleared.txt"), keyOf("cleared.bin"), keyOf("cleared-missing")];
      const put = async (text: string) => {
        await site.s3.put(small, text);
        await site.s3.put(large, text.repeat(100_000));
      };
      const see = async (status: number, text: string) => {
        for (const connection of connections) {
          for (let times = 0; times < 2; times++) {
            expect((await connection.get(`/${small}`)).text).toBe(text);
            expect((await connection.get(`/${large}`)).text === text.repeat(100_000)).toBe(true);
          }
          expect((await connection.get(`/${missing}`)).status).toBe(status);
        }
      };
      await put("o");
      await see(404, "o");
      await put("n");
      await site.s3.put(missing, "there now");
      await see(404, "o");
      await clear(proxy);
      await see(200, "n");
      for (const key of [small, large, missing]) expect(site.gate.countOf(key), site.explain(key)).toBe(2);
      for (const connection of connections) connection.close();
    });
  });

  test("a client that leaves while S3 is asked takes nothing from those who stay", async () => {
    const key = `${threads}-left`;
    await site.s3.put(key, "stayed for");
    const hold = site.gate.hold(key);
    const leaving = new AbortController();
    const left = fetch(`http://127.0.0.1:${proxy.port}/${key}`, { signal: leaving.signal }).catch(
      () => "left",
    );
    await hold.arrived;
    const staying = get(proxy, `/${key}`);
    leaving.abort();
    expect(await left).toBe("left");
    hold.release();
    expect((await staying).text).toBe("stayed for");
    expect(site.gate.countOf(key), site.explain(key)).toBe(1);
  });
});
