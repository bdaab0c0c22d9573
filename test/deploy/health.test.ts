/** The image's health check, against servers that answer as the program could. */

import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { makeCertificate } from "../support/certificate.ts";
import { spawnProxy } from "../support/proxy.ts";

const COMMAND = [process.execPath, join(import.meta.dir, "../../deploy/health.ts")];
const servers: { stop(isForced: boolean): unknown }[] = [];
afterAll(() => {
  for (const server of servers) server.stop(true);
});

function serve(
  status: number,
  options: { hostname?: string; tls?: { key: string; cert: string } } = {},
): string {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    ...options,
    port: 0,
    fetch: ({ url }) =>
      new Response("", { status: new URL(url).pathname === "/_proxy/health" ? status : 404 }),
  });
  servers.push(server);
  return String(server.port);
}

const check = (environment: Record<string, string>) => spawnProxy([], environment, COMMAND).ended;

describe("the health check ends with", () => {
  test("0 where the program answers on its port", async () => {
    expect(await check({ PORT: serve(200) })).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  });

  test("0 where it listens on another address", async () => {
    expect((await check({ PORT: serve(200, { hostname: "::1" }), HOST: "::1" })).exitCode).toBe(0);
  });

  test("0 where it has a certificate of any name", async () => {
    const { key, cert } = makeCertificate("example.com");
    const environment = { PORT: serve(200, { tls: { key, cert } }), TLS_CERT: "/etc/tls/tls.crt" };
    expect(await check(environment)).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  });

  test("0 where it answers on its admin port, in the clear whatever the other one is", async () => {
    const environment = { ADMIN_PORT: serve(200), PORT: serve(404), TLS_CERT: "/etc/tls/tls.crt" };
    expect(await check(environment)).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    const elsewhere = { ...environment, ADMIN_PORT: serve(404), PORT: serve(200) };
    expect((await check(elsewhere)).exitCode).toBe(1);
  });

  test("1 and the status where the answer is another", async () => {
    const stderr = "/_proxy/health is answered 503\n";
    expect(await check({ PORT: serve(503) })).toEqual({ exitCode: 1, stdout: "", stderr });
  });

  test("1 and why where nobody answers", async () => {
    const { exitCode, stderr } = await check({ PORT: "1" });
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("ECONNREFUSED")]);
  });
});
