/** A takeover, at the ports beside that of the site. */

import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type CertificateFolder, certificateFolder } from "../support/certificate-folder.ts";
import { ask, PROTOCOLS } from "../support/client.ts";
import { keepConnection } from "../support/kept-connection.ts";
import type { RunningProxy } from "../support/proxy.ts";
import { startRestless } from "../support/restless.ts";
import { startTcpServer, type TcpServer } from "../support/tcp-server.ts";
import { askTls } from "../support/tls-client.ts";
import { startTakeovers, type TakeoverSite } from "./takeover-site.ts";

setDefaultTimeout(60_000);

const RESTARTS = 3;
const CLIENTS = 4;
const ALIVE = { status: 200, text: '{"alive":true}\n' };
const REDIRECTED = { status: 308, text: "" };

let site: TakeoverSite;
let certificates: CertificateFolder;
beforeEach(async () => {
  site = await startTakeovers();
  certificates = certificateFolder("one.test");
});
afterEach(async () => {
  await site?.stop();
  certificates?.remove();
});

interface Ports {
  readonly adminPort: number;
  readonly redirectPort: number;
}

const startAt = (threads: number, { adminPort, redirectPort }: Ports) =>
  site.start(threads, [
    ...certificates.flags,
    ...["--admin-port", String(adminPort)],
    ...["--tls-redirect-port", String(redirectPort)],
  ]);

/** Starts the first one, where it finds ports. */
async function startFirst(threads: number): Promise<{ first: RunningProxy; ports: Ports }> {
  const first = await startAt(threads, { adminPort: 0, redirectPort: 0 });
  const said = await first.line(/ Listening /);
  const portOf = (name: string) => Number(new RegExp(` ${name}=(\\d+)`).exec(said)?.[1]);
  return { first, ports: { adminPort: portOf("adminPort"), redirectPort: portOf("redirectPort") } };
}

test.each([1, 2])(
  `with --threads %p no request fails at the admin port and the one that redirects, in ${RESTARTS} restarts under load`,
  async (threads) => {
    const { first, ports } = await startFirst(threads);
    const atAdmin = PROTOCOLS.flatMap((protocol) =>
      [false, true].map((isKept) => {
        const name = `admin port, ${protocol} ${isKept ? "kept" : "new"}`;
        const manner = { protocol, isKept };
        return { name, ...startRestless(ports.adminPort, manner, CLIENTS, "/_proxy/health", ALIVE) };
      }),
    );
    const manner = { protocol: "HTTP/1.1", isKept: false } as const;
    const redirected = startRestless(ports.redirectPort, manner, CLIENTS, "/", REDIRECTED);
    const crowds = [...atAdmin, { name: "redirect port", ...redirected }];
    let current = first;
    for (let restart = 0; restart < RESTARTS; restart++) {
      const { ended } = current;
      current = await startAt(threads, ports);
      expect((await ended).exitCode).toBe(0);
    }
    await Promise.all(crowds.map((crowd) => crowd.leave()));
    for (const { name, tally } of crowds) {
      expect([name, tally.failures]).toEqual([name, []]);
      expect(tally.answers).toBeGreaterThan(RESTARTS * CLIENTS);
    }
  },
);

describe("one that can't start leaves the one before as it was:", () => {
  let first: RunningProxy;
  let ports: Ports;
  let other: TcpServer;
  beforeEach(async () => {
    ({ first, ports } = await startFirst(2));
    other = await startTcpServer(async (socket) => void socket.destroy());
  });
  afterEach(() => other?.close());

  /** One that takes over, with the same options but for these. */
  function flagsWith(changed: Readonly<Record<string, string>>): string[] {
    const { certPath, keyPath } = certificates;
    const flags = {
      ...{ takeover: site.socket, threads: "2", port: String(first.port) },
      ...{ "tls-cert": certPath, "tls-key": keyPath },
      ...{ "admin-port": String(ports.adminPort), "tls-redirect-port": String(ports.redirectPort) },
      ...changed,
    };
    return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  }

  const inUse = (flag: string) => `is in use, wanted a free one for --${flag}`;
  /** An address that is another program's. */
  const taken = (flag: string) => ({ host: "127.0.0.1", [flag]: String(other.port) });

  test.each<[string, () => Record<string, string>, string]>([
    ["another program has its port", () => taken("port"), inUse("port")],
    ["another program has its admin port", () => taken("admin-port"), inUse("admin-port")],
    [
      "another program has its port that redirects",
      () => taken("tls-redirect-port"),
      inUse("tls-redirect-port"),
    ],
    ["there is no such bucket", () => ({ bucket: "another" }), 'bucket "another"'],
    ["S3 refuses its secret", () => ({ secret: "wrong" }), "SignatureDoesNotMatch"],
    ["its certificate is none", () => ({ "tls-cert": certificates.keyPath }), "wanted PEM"],
  ])("%s", async (_name, changed, reason) => {
    const kept = await keepConnection(ports.adminPort, "HTTP/1.1");
    await kept.get("/_proxy/health");
    const { exitCode, stderr } = await site.run(flagsWith(changed()));
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/^s3proxy: [^\n]+\n$/)]);
    expect(stderr.toLowerCase()).toContain(reason.toLowerCase());
    // It doesn't send anybody away, and gets what is asked by new connections too.
    expect((await kept.get("/_proxy/health")).headers.connection).toBeUndefined();
    for (let times = 0; times < 20; times++) {
      for (const protocol of PROTOCOLS)
        expect((await askTls(first.port, { protocol, path: "/" })).text).toBe("home");
      expect((await ask(ports.redirectPort, { path: "/" })).status).toBe(308);
    }
    expect(first.stdout()).not.toContain("takes over");
    // And the next one that is right takes over.
    const second = await startAt(2, ports);
    expect((await first.ended).exitCode).toBe(0);
    expect((await askTls(second.port, { path: "/" })).text).toBe("home");
    kept.close();
  });
});
