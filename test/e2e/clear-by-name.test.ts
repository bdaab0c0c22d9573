import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { ask } from "../support/client.ts";
import { keepConnections } from "../support/kept-connection.ts";
import { AUTH_KEY, CLEAR_PATH, type Serving, startServing } from "./serving.ts";

const LARGE = "l".repeat(100_000);

describe.each([1, 4])("with --threads %p", (threads) => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing({ threads });
  });
  afterEach(async () => {
    it.s3.reset();
    await clear("");
  });
  afterAll(() => it?.stop());

  const clear = async (
    query: string,
    headers: Record<string, string> = { Authorization: `Bearer ${AUTH_KEY}` },
  ) => {
    const { status, text } = await ask(it.port, { method: "DELETE", path: `${CLEAR_PATH}${query}`, headers });
    return { status, answer: JSON.parse(text) as { cleared?: number; error?: string } };
  };
  const get = async (path: string) => (await ask(it.port, { path })).text;
  /** Puts an object, asks for it, and changes it in S3: the old text is what the cache has. */
  const keep = async (key: string, path: string, body = "old") => {
    it.s3.put(key, body);
    expect(await get(path)).toBe(body);
    it.s3.put(key, "new");
  };

  test.each([
    ["a.txt", "/a.txt", "?key=/a.txt"],
    ["a.txt", "/a.txt", "?key=a.txt"],
    ["docs/index.html", "/docs/", "?key=/docs/"],
    ["docs/index.html", "/docs/", "?key=/docs"],
    ["index.html", "/", "?key=/"],
    ["plus+plus.txt", "/plus+plus.txt", "?key=/plus+plus.txt"],
    ["a b/\u00fc&=.txt", "/a%20b/%C3%BC&=.txt", "?key=/a%20b/%C3%BC%26%3D.txt"],
  ])("the object %p is cleared by its path, and nothing else", async (key, path, query) => {
    await keep(key, path);
    await keep("other.txt", "/other.txt");
    expect(await clear(query)).toEqual({ status: 200, answer: { cleared: 1 } });
    expect([await get(path), await get("/other.txt")]).toEqual(["new", "old"]);
  });

  test("a large object and its file are cleared by name", async () => {
    await keep("large.bin", "/large.bin", LARGE);
    expect(await clear("?key=/large.bin")).toEqual({ status: 200, answer: { cleared: 1 } });
    expect(await get("/large.bin")).toBe("new");
  });

  test("a key that was missing is asked for again, and counts for nothing", async () => {
    expect(await get("/later.txt")).toContain("Not found");
    it.s3.put("later.txt", "here");
    expect(await clear("?key=/later.txt")).toEqual({ status: 200, answer: { cleared: 0 } });
    expect(await get("/later.txt")).toBe("here");
  });

  test("a prefix clears what is under it, and nothing beside it", async () => {
    await keep("docs/a.txt", "/docs/a.txt");
    await keep("docs/b/c.txt", "/docs/b/c.txt", LARGE);
    await keep("docs.txt", "/docs.txt");
    expect(await clear("?prefix=/docs/")).toEqual({ status: 200, answer: { cleared: 2 } });
    expect([await get("/docs/a.txt"), await get("/docs/b/c.txt"), await get("/docs.txt")]).toEqual([
      "new",
      "new",
      "old",
    ]);
  });

  test("every thread forgets it before the answer", async () => {
    await keep("a.txt", "/a.txt");
    const connections = await keepConnections(it.port, "HTTP/1.1", 64);
    for (const connection of connections) expect((await connection.get("/a.txt")).text).toBe("old");
    await clear("?key=/a.txt");
    for (const connection of connections) expect((await connection.get("/a.txt")).text).toBe("new");
    for (const connection of connections) connection.close();
  });

  test("a clear by name while the object is fetched wins", async () => {
    it.s3.put("a.txt", "old");
    const hold = it.s3.holdBody("a.txt", 1);
    const asked = get("/a.txt");
    await hold.arrived;
    await clear("?key=/a.txt");
    it.s3.put("a.txt", "new");
    hold.release();
    expect(await asked).toBe("old");
    expect(await get("/a.txt")).toBe("new");
  });

  test.each(["?", "?key", "?keys=/a", "?key=/a&prefix=/b", "?key=%zz", "?prefix=/a&x=1"])(
    "%p is 400 and clears nothing",
    async (query) => {
      await keep("a.txt", "/a.txt");
      expect((await clear(query)).status).toBe(400);
      expect(await get("/a.txt")).toBe("old");
    },
  );

  test("the token is asked for as before", async () => {
    await keep("a.txt", "/a.txt");
    expect((await clear("?key=/a.txt", {})).status).toBe(401);
    expect((await clear("?key=/a.txt", { Authorization: "Bearer wrong" })).status).toBe(403);
    expect(await get("/a.txt")).toBe("old");
  });
});

test("a folder's index document is the one that --index-document names", async () => {
  const it = await startServing({ args: ["--index-document", "home.htm"] });
  const headers = { Authorization: `Bearer ${AUTH_KEY}` };
  for (const query of ["?key=/docs/", "?key=/docs"]) {
    it.s3.put("docs/home.htm", "old");
    expect((await ask(it.port, { path: "/docs/" })).text).toBe("old");
    it.s3.put("docs/home.htm", "new");
    await ask(it.port, { method: "DELETE", path: `${CLEAR_PATH}${query}`, headers });
    expect((await ask(it.port, { path: "/docs/" })).text).toBe("new");
    it.s3.put("docs/home.htm", "old");
    await ask(it.port, { method: "DELETE", path: CLEAR_PATH, headers });
  }
  await it.stop();
});
