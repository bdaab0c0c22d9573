import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type CertificateFolder, certificateFolder } from "../support/certificate-folder.ts";
import { PROTOCOLS } from "../support/client.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import { bytesOf } from "../support/site.ts";
import { askTls, connectTls, handshakeOf } from "../support/tls-client.ts";

/** Sent from a file, in parts as the client takes them. */
const LARGE = bytesOf(3_000_000);

let s3: MemoryS3;
let certificate: CertificateFolder;
beforeAll(async () => {
  s3 = await startMemoryS3();
  s3.put("index.html", "home", { "content-type": "text/html" });
  s3.put("large.bin", LARGE);
  certificate = certificateFolder("one.test");
});
afterAll(async () => {
  certificate?.remove();
  await s3?.stop();
});

describe.each([1, 4])("with --tls-cert, --tls-key and --threads %p", (threads) => {
  let proxy: RunningProxy;
  beforeAll(async () => {
    proxy = await startProxy({ s3, threads, args: certificate.flags });
  });
  afterAll(async () => {
    await proxy?.stop();
  });

  test("the log says https, and what is served with", async () => {
    expect(await proxy.line(/ Listening /)).toContain(" scheme=https");
    expect(await proxy.line(/ Certificate /)).toContain("DNS:one.test");
  });

  test.each(PROTOCOLS)("%s answers a miss and a hit, small and large", async (protocol) => {
    for (const path of ["/", "/", "/large.bin", "/large.bin"]) {
      const answer = await askTls(proxy.port, { protocol, path });
      expect([answer.status, answer.isComplete, answer.name]).toEqual([200, true, "one.test"]);
      const body = path === "/" ? Buffer.from("home") : Buffer.from(LARGE);
      expect(answer.body.equals(body)).toBe(true);
    }
    const { headers } = await askTls(proxy.port, { protocol, path: "/large.bin" });
    expect(headers["cache-status"]).toStartWith("s3proxy; hit");
    expect(headers).not.toHaveProperty("alt-svc");
    expect(headers).not.toHaveProperty("strict-transport-security");
  });

  test.each(PROTOCOLS)("%s answers HEAD, a part and a 304", async (protocol) => {
    const head = await askTls(proxy.port, { protocol, path: "/large.bin", method: "HEAD" });
    expect([head.status, head.headers["content-length"]]).toEqual([200, String(LARGE.length)]);
    const range = { Range: "bytes=1000000-1000999" };
    const part = await askTls(proxy.port, { protocol, path: "/large.bin", headers: range });
    expect([part.status, part.body.equals(LARGE.subarray(1_000_000, 1_001_000))]).toEqual([206, true]);
    const unchanged = { "If-None-Match": String(head.headers.etag) };
    const same = await askTls(proxy.port, { protocol, path: "/large.bin", headers: unchanged });
    expect(same.status).toBe(304);
  });

  test.each([
    ["h2 before http/1.1", ["h2", "http/1.1"], "h2"],
    ["http/1.1 before h2", ["http/1.1", "h2"], "h2"],
    ["http/1.1 alone", ["http/1.1"], "http/1.1"],
    ["nothing", [], false],
  ] as const)("a client that offers %s gets what it can do best", async (_name, alpn, agreed) => {
    const socket = await connectTls(proxy.port, { alpn });
    expect(handshakeOf(socket).alpn).toBe(agreed);
    socket.destroy();
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)("%s is spoken", async (version) => {
    const socket = await connectTls(proxy.port, { version });
    expect(handshakeOf(socket).version).toBe(version);
    socket.destroy();
  });

  test.each(["TLSv1", "TLSv1.1"] as const)("%s is refused", async (version) => {
    await expect(connectTls(proxy.port, { version })).rejects.toThrow(/PROTOCOL_VERSION/);
  });

  test("a client that speaks without TLS is not answered", async () => {
    await expect(fetch(`http://127.0.0.1:${proxy.port}/`)).rejects.toThrow();
  });
});

test.each([1, 4])("SIGTERM doesn't wait for unused connections, with --threads %p", async (threads) => {
  const proxy = await startProxy({ s3, threads, args: certificate.flags });
  const sockets = await Promise.all(
    [["h2"], ["http/1.1"], []].map((alpn) => connectTls(proxy.port, { alpn })),
  );
  // The deadline of what is in flight is longer than this test may take.
  const { exitCode, stdout } = await proxy.stop();
  expect(exitCode).toBe(0);
  expect(stdout).not.toContain("were ended");
  for (const socket of sockets) socket.destroy();
});
