import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { type CertificateFolder, certificateFolder } from "../support/certificate-folder.ts";
import { ask, parseAnswer, sendRaw } from "../support/client.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";

let s3: MemoryS3;
let folder: CertificateFolder;
beforeAll(async () => {
  s3 = await startMemoryS3();
  folder = certificateFolder("one.test");
});
afterAll(async () => {
  folder?.remove();
  await s3?.stop();
});

async function startRedirecting(
  threads: number,
  ...more: string[]
): Promise<{ proxy: RunningProxy; port: number }> {
  const args = [...folder.flags, "--tls-redirect-port", "0", ...more];
  const proxy = await startProxy({ s3, threads, args });
  const port = Number(/ redirectPort=(\d+)/.exec(await proxy.line(/ Listening /))?.[1]);
  return { proxy, port };
}

describe.each([1, 4])("--tls-redirect-port with --threads %p", (threads) => {
  let proxy: RunningProxy;
  let port: number;
  beforeAll(async () => {
    ({ proxy, port } = await startRedirecting(threads));
    s3.reset();
  });
  afterAll(async () => {
    expect(s3.requests).toHaveLength(0);
    await proxy?.stop();
  });

  test.each(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])(
    "%s is a 308 without a body",
    async (method) => {
      const { status, headers, text } = await ask(port, {
        method,
        path: "/a?b",
        headers: { Host: "a.test" },
      });
      expect([status, text, headers["content-length"]]).toEqual([308, "", "0"]);
      expect(headers.location).toBe(`https://a.test:${proxy.port}/a?b`);
      expect(headers).not.toHaveProperty("strict-transport-security");
    },
  );

  test.each([
    ["/", "a.test:80"],
    ["/%2e%2e/%41?x=%zz&y=a+b", "a.test"],
    ["/a/../b/./c//d;e", "a.test"],
    ["//evil.test/x", "a.test"],
    ["/\\evil.test", "a.test"],
    ["/_proxy/_private/_cache/clear", "a.test"],
  ])("%s goes to the same path of the same host", async (path, host) => {
    const { status, headers } = await ask(port, { path, headers: { Host: host } });
    expect([status, headers.location]).toEqual([308, `https://a.test:${proxy.port}${path}`]);
  });

  test("forwarding headers don't matter", async () => {
    const more = { "X-Forwarded-Host": "evil.test", Forwarded: "host=evil.test", "X-Original-URL": "/evil" };
    const { headers } = await ask(port, { path: "/", headers: { Host: "a.test", ...more } });
    expect(headers.location).toBe(`https://a.test:${proxy.port}/`);
  });

  test.each([
    ["no Host", "GET / HTTP/1.1\r\n\r\n"],
    ["no Host, HTTP/1.0", "GET / HTTP/1.0\r\n\r\n"],
    ["two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
    ["a malformed Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
    ["a Host with a user", "GET / HTTP/1.1\r\nHost: a@evil.test\r\n\r\n"],
    ["a Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"],
  ])("%s is a 400 without a Location", async (_name, text) => {
    const { status, headers } = parseAnswer(await sendRaw(port, text));
    expect(status).toBe(400);
    expect(headers).not.toHaveProperty("location");
  });
});

test.each([
  ["443", "https://a.test/x?y"],
  ["8443", "https://a.test:8443/x?y"],
])("--tls-public-port %s is the port that visitors are sent to", async (publicPort, location) => {
  const { proxy, port } = await startRedirecting(1, "--tls-public-port", publicPort);
  const { status, headers } = await ask(port, { path: "/x?y", headers: { Host: "a.test:8080" } });
  expect([status, headers.location]).toEqual([308, location]);
  expect((await proxy.stop()).exitCode).toBe(0);
});

test.each([1, 4])(
  "SIGTERM ends it with the rest, with --threads %p, whoever is connected",
  async (threads) => {
    const { proxy, port } = await startRedirecting(threads);
    const clients = ["", "GET / HTT"].map((text) => {
      const socket = connect(port, "127.0.0.1", () => socket.write(text));
      return socket.on("error", () => {}).resume();
    });
    await Promise.all(clients.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
    expect((await ask(port, { path: "/" })).status).toBe(308);
    const { exitCode, stdout, stderr } = await proxy.stop();
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(stdout).not.toContain("were ended");
    for (const socket of clients) socket.destroy();
  },
);
