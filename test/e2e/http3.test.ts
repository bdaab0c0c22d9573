import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CertificateFolder, certificateFolder } from "../support/certificate-folder.ts";
import { PROTOCOLS } from "../support/client.ts";
import { fetchHttp3 } from "../support/http3-client.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import { AUTH_KEY, bytesOf, until } from "../support/site.ts";
import { askTls } from "../support/tls-client.ts";

const LARGE = bytesOf(3_000_000);
let s3: MemoryS3;
let folder: CertificateFolder;
beforeAll(async () => {
  s3 = await startMemoryS3();
  s3.put("index.html", "home");
  s3.put("large.bin", LARGE);
  folder = certificateFolder("one.test");
});
afterAll(async () => {
  folder?.remove();
  await s3?.stop();
});

describe.each([1, 4])("--http3 with --threads %p", (threads) => {
  let proxy: RunningProxy;
  beforeAll(async () => {
    proxy = await startProxy({ s3, threads, args: [...folder.flags, "--http3", "--auth-key", AUTH_KEY] });
  });
  afterAll(async () => {
    await proxy?.stop();
  });

  test("answers a miss and a hit, small and large, and a part", async () => {
    for (const path of ["/", "/", "/large.bin", "/large.bin"]) {
      const answer = await fetchHttp3(proxy.port, path);
      expect(answer.status).toBe(200);
      const body = path === "/" ? Buffer.from("home") : Buffer.from(LARGE);
      expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true);
    }
    const part = await fetchHttp3(proxy.port, "/large.bin", { headers: { Range: "bytes=1000-1999" } });
    expect(part.headers.get("cache-status")).toStartWith("s3proxy; hit");
    expect([part.status, Buffer.from(await part.arrayBuffer()).equals(LARGE.subarray(1000, 2000))]).toEqual([
      206,
      true,
    ]);
  });

  test("answers HEAD, what isn't there and a management request as ever", async () => {
    const head = await fetchHttp3(proxy.port, "/large.bin", { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, String(LARGE.length)]);
    expect((await fetchHttp3(proxy.port, "/none")).status).toBe(404);
    const closed = await fetchHttp3(proxy.port, "/_proxy/_private/_cache/clear", { method: "DELETE" });
    expect(closed.status).toBe(401);
  });

  test.each(PROTOCOLS)("%s answers say where it is, whatever the answer", async (protocol) => {
    const etag = String((await askTls(proxy.port, { protocol, path: "/" })).headers.etag);
    for (const [status, request] of [
      [200, { path: "/" }],
      [200, { path: "/large.bin" }],
      [200, { path: "/", method: "HEAD" }],
      [206, { path: "/large.bin", headers: { Range: "bytes=0-9" } }],
      [304, { path: "/", headers: { "If-None-Match": etag } }],
      [404, { path: "/none" }],
      [405, { path: "/", method: "POST" }],
    ] as const) {
      const answer = await askTls(proxy.port, { protocol, ...request });
      expect(answer.status).toBe(status);
      expect(answer.headers["alt-svc"]).toMatch(new RegExp(`^h3=":${proxy.port}"; ma=\\d+$`));
    }
  });
});

/** What a client that has no connection yet is answered, over HTTP/3. */
async function firstStatus(port: number): Promise<number> {
  const code = `
    const options = { protocol: "http3", tls: { rejectUnauthorized: false }, signal: AbortSignal.timeout(2_000) };
    const answer = await fetch("https://127.0.0.1:${port}/", options).catch(() => undefined);
    process.exit(answer?.status === 200 ? 0 : 1);`;
  return (await Bun.spawn([process.execPath, "-e", code]).exited) === 0 ? 200 : 0;
}

// A connection that was open may break off (docs/decisions/009-tls-reload.md).
test("after a renewal new clients are answered over HTTP/3", async () => {
  const proxy = await startProxy({ s3, args: [...folder.flags, "--http3"] });
  expect(await firstStatus(proxy.port)).toBe(200);
  folder.renew("two.test");
  await proxy.line(/ Certificate renewed /);
  await until(async () => (await firstStatus(proxy.port)) === 200);
  expect((await proxy.stop()).exitCode).toBe(0);
}, 30_000);

test("where the port is mapped the operator's Alt-Svc is preferred to Bun's", async () => {
  const file = join(folder.path, "_headers");
  writeFileSync(file, '/*\n  Alt-Svc: h3=":443"; ma=86400\n');
  const proxy = await startProxy({ s3, args: [...folder.flags, "--http3", "--headers", file] });
  const { headers } = await askTls(proxy.port, { path: "/" });
  // RFC 7838 section 3: the first is what the server likes best.
  expect(headers["alt-svc"]).toMatch(new RegExp(`^h3=":443"; ma=86400, h3=":${proxy.port}"`));
  await proxy.stop();
});

test("without --http3 nobody listens for it and no answer says so", async () => {
  const proxy = await startProxy({ s3, args: folder.flags });
  await expect(fetchHttp3(proxy.port, "/", { signal: AbortSignal.timeout(1_000) })).rejects.toThrow();
  expect((await askTls(proxy.port, { path: "/" })).headers).not.toHaveProperty("alt-svc");
  await proxy.stop();
});
