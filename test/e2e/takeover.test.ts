/** A program takes the place of the one that runs (docs/decisions/013-takeover.md). */

import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { certificateFolder } from "../support/certificate-folder.ts";
import { ask, PROTOCOLS } from "../support/client.ts";
import { keepConnection } from "../support/kept-connection.ts";
import type { MemoryS3 } from "../support/memory-s3.ts";
import { startProxy } from "../support/proxy.ts";
import { startRestless } from "../support/restless.ts";
import { AUTH_KEY, bytesOf, clear } from "../support/site.ts";
import { askTls } from "../support/tls-client.ts";
import { startVisitor } from "../support/tls-visitor.ts";
import { HOME, startTakeovers, type TakeoverSite } from "./takeover-site.ts";

/** One that is replaced sends its clients away for a second before it ends. */
setDefaultTimeout(60_000);

const RESTARTS = 5;
const CLIENTS = 8;
const LARGE = bytesOf(3_000_000);

let site: TakeoverSite;
let s3: MemoryS3;
let start: TakeoverSite["start"];
beforeEach(async () => {
  site = await startTakeovers();
  ({ s3, start } = site);
});
afterEach(() => site?.stop());

test.each([1, 2])(
  `with --threads %p no request fails in ${RESTARTS} restarts under load`,
  async (threads) => {
    let current = await start(threads);
    const { port } = current;
    const crowds = PROTOCOLS.flatMap((protocol) =>
      [false, true].map((isKept) => {
        const name = `${protocol} ${isKept ? "kept" : "new"}`;
        return { name, ...startRestless(port, { protocol, isKept }, CLIENTS, "/", HOME) };
      }),
    );
    for (let restart = 0; restart < RESTARTS; restart++) {
      const { ended } = current;
      current = await start(threads);
      expect((await ended).exitCode).toBe(0);
    }
    await Promise.all(crowds.map((crowd) => crowd.leave()));
    for (const { name, tally } of crowds) {
      expect([name, tally.failures]).toEqual([name, []]);
      expect(tally.answers).toBeGreaterThan(RESTARTS * CLIENTS);
    }
  },
);

test("over TLS none fails either", async () => {
  const certificates = certificateFolder("one.test");
  let current = await start(2, certificates.flags);
  const { port } = current;
  const visitors = PROTOCOLS.map((protocol) => startVisitor(port, protocol, "/"));
  let isOver = false;
  const opened = Promise.all(
    PROTOCOLS.map(async (protocol) => {
      while (!isOver) expect((await askTls(port, { protocol, path: "/" })).status).toBe(200);
    }),
  );
  opened.catch(() => {});
  for (let restart = 0; restart < 2; restart++) {
    const { ended } = current;
    current = await start(2, certificates.flags);
    expect((await ended).exitCode).toBe(0);
  }
  isOver = true;
  await opened;
  for (const visitor of visitors) {
    await visitor.leave();
    expect(visitor.visits.failures).toEqual([]);
    expect(visitor.visits.answers).toBeGreaterThan(100);
  }
  certificates.remove();
});

test("what is in flight ends whole, and the cache directory is handed over", async () => {
  const first = await start();
  s3.put("kept.bin", LARGE);
  expect((await ask(first.port, { path: "/kept.bin" })).body.equals(LARGE)).toBe(true);
  const held = PROTOCOLS.map((protocol, at) => {
    s3.put(`held-${at}.bin`, LARGE);
    const hold = s3.holdBody(`held-${at}.bin`, 100_000);
    return { hold, answer: ask(first.port, { protocol, path: `/held-${at}.bin` }) };
  });
  await Promise.all(held.map(({ hold }) => hold.arrived));
  const second = await start();
  await first.line(/has taken over, requests in flight are finished/);
  // Served while the first one still has the directory.
  expect((await ask(second.port, { path: "/" })).text).toBe("home");
  for (const { hold } of held) hold.release();
  for (const { answer } of held) {
    const { status, isComplete, body } = await answer;
    expect([status, isComplete, body.equals(LARGE)]).toEqual([200, true, true]);
  }
  expect((await first.ended).exitCode).toBe(0);
  await second.line(/Cache directory indexed objects=[1-9]/);
  expect((await ask(second.port, { path: "/kept.bin" })).body.equals(LARGE)).toBe(true);
  expect(s3.countOf("kept.bin")).toBe(1);
});

describe("a clear while both run", () => {
  test("that the first one is asked for is of the second one too", async () => {
    const first = await start();
    const kept = await keepConnection(first.port, "HTTP/2");
    s3.put("a.txt", "old");
    expect((await kept.get("/a.txt")).text).toBe("old");
    // Over this one the first is asked when the port is the second's already.
    const raw = connect(first.port, "127.0.0.1");
    raw.write("GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    await new Promise((resolve) => raw.once("data", resolve));
    await start();
    await first.line(/Another s3proxy takes over/);
    expect((await ask(first.port, { path: "/a.txt" })).text).toBe("old");
    s3.put("a.txt", "new");
    const path = "/_proxy/_private/_cache/clear";
    raw.write(`DELETE ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${AUTH_KEY}\r\n\r\n`);
    const answer = await new Promise<Buffer>((resolve) => raw.once("data", resolve));
    expect(answer.toString()).toContain(" 200 ");
    expect((await ask(first.port, { path: "/a.txt" })).text).toBe("new");
    raw.destroy();
    kept.close();
  });

  test("that the second one is asked for is of the directory too", async () => {
    const first = await start();
    s3.put("a.bin", LARGE);
    await ask(first.port, { path: "/a.bin" });
    const second = await start();
    const cleared = clear(second);
    expect((await first.ended).exitCode).toBe(0);
    await cleared;
    s3.put("a.bin", "new");
    expect((await ask(second.port, { path: "/a.bin" })).text).toBe("new");
  });
});

test("one that ends before it is ready changes nothing", async () => {
  const first = await start();
  const other = connect(site.socket);
  await new Promise((resolve) => other.once("data", resolve));
  other.write("retire\n");
  await first.line(/Another s3proxy takes over/);
  const request = { path: "/", headers: { Connection: "keep-alive" } };
  const retiring = await ask(first.port, request);
  expect([retiring.status, retiring.headers.connection]).toEqual([200, "close"]);
  other.destroy();
  await first.line(/has ended before it was ready, nothing changes/);
  const kept = await keepConnection(first.port, "HTTP/1.1");
  for (let times = 0; times < 2; times++) expect((await kept.get("/")).headers.connection).not.toBe("close");
  kept.close();
});

test("the socket is its user's alone", async () => {
  await start();
  expect(statSync(site.socket).mode & 0o777).toBe(0o600);
});

describe("is refused in one line", () => {
  test("without the option, though the one that runs has it", async () => {
    const first = await start();
    for (const threads of ["1", "2"]) {
      const { exitCode, stderr } = await site.run(["--port", String(first.port), "--threads", threads]);
      expect([exitCode, stderr]).toEqual([
        1,
        `s3proxy: Port ${first.port} on all interfaces is in use, wanted a free one for --port\n`,
      ]);
    }
    expect((await ask(first.port, { path: "/" })).text).toBe("home");
  });

  test("with the option, where the one that runs doesn't have it", async () => {
    const first = await startProxy({ s3 });
    const { exitCode, stderr } = await site.run(["--port", String(first.port), "--takeover", site.socket]);
    expect([exitCode, stderr]).toEqual([
      1,
      `s3proxy: Port ${first.port} on all interfaces is in use, wanted a free one for --port\n`,
    ]);
    await first.stop();
  });

  test("where something else has the socket's name", async () => {
    writeFileSync(site.socket, "a file");
    const { exitCode, stderr } = await site.run(["--port", "0", "--takeover", site.socket]);
    expect([exitCode, stderr]).toEqual([
      1,
      `s3proxy: "${site.socket}" is not a socket, wanted one for --takeover\n`,
    ]);
  });
});

test("the socket of one that was killed is no obstacle", async () => {
  const first = await start();
  first.signal("SIGKILL");
  await first.ended;
  const second = await start();
  expect((await ask(second.port, { path: "/" })).text).toBe("home");
  expect(second.stdout()).not.toContain("The program before");
});
