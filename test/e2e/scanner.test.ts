/** Somebody who asks for many names that don't exist: what is worth keeping stays. How many are remembered: keeper/scanner.test.ts. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ClientHttp2Session, connect } from "node:http2";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { bytesOf, framesIn, get, type Site, startSiteOf, until } from "../support/site.ts";

setDefaultTimeout(60_000);

const NAMES = 1_200;
const AT_ONCE = 90;
const KEPT = { small: bytesOf(10_000, 1), large: bytesOf(100_000, 2) };

let site: Site<MemoryS3>;
beforeAll(async () => {
  site = await startSiteOf(await startMemoryS3());
  for (const [key, body] of Object.entries(KEPT)) site.s3.put(key, body);
});
afterAll(() => site?.stop());

/** The status of the answer to one name. */
function statusOf(session: ClientHttp2Session, name: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const stream = session.request({ ":path": `/${name}` });
  let status = 0;
  stream.on("response", (fields) => {
    status = Number(fields[":status"]);
  });
  stream.on("error", reject);
  stream.on("close", () => resolve(status));
  stream.resume();
  stream.end();
  return promise;
}

/** Asks for so many names, with as many streams at once as one connection allows. Returns the statuses there were. */
async function scan(port: number, prefix: string, count: number): Promise<number[]> {
  const session = connect(`http://127.0.0.1:${port}`);
  const statuses = new Set<number>();
  let next = 0;
  const stream = async () => {
    while (next < count) statuses.add(await statusOf(session, `${prefix}-${next++}-${"x".repeat(200)}`));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, stream));
  session.close();
  return [...statuses];
}

describe.each([1, 4])("with %d thread(s)", (threads) => {
  test("it pushes nothing out of memory or from disk", async () => {
    const cacheDir = site.directory();
    // Hardly a byte of room beside what is kept.
    const args = ["--memory-size", "12000", "--cache-size", "130000"];
    const proxy = await site.start({ threads, cacheDir, args });
    for (const [key, body] of Object.entries(KEPT))
      expect((await get(proxy, `/${key}`)).body.equals(body)).toBe(true);
    await until(() => framesIn(cacheDir).length === 2);
    const frames = framesIn(cacheDir);
    expect(await scan(proxy.port, "missing", NAMES)).toEqual([404]);
    expect(framesIn(cacheDir)).toEqual(frames);
    site.gate.reset();
    for (const [key, body] of Object.entries(KEPT))
      expect((await get(proxy, `/${key}`)).body.equals(body)).toBe(true);
    expect(site.gate.countOf("*")).toBe(0);
    await proxy.stop();
  });
});
