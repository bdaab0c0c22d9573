import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ask, PROTOCOLS } from "../support/client.ts";
import { parseLogLine } from "../support/log-files.ts";
import { type Serving, startServing } from "./serving.ts";

/** The tests ask from 127.0.0.1, which is trusted unless something else is said. */
const WHO = { "X-Forwarded-For": "1.1.1.1, [2001:DB8:0::9]:4711, 10.0.0.3" };

let trusting: Serving;
let suspicious: Serving;

beforeAll(async () => {
  [trusting, suspicious] = await Promise.all([
    startServing({ threads: 2, args: ["--log-level", "debug"] }),
    startServing({ args: ["--log-level", "debug", "--trusted-proxies", "203.0.113.0/24"] }),
  ]);
});
afterAll(() => Promise.all([trusting?.stop(), suspicious?.stop()]));

/** What the log says the client of a request was. Its path must be asked for once. */
async function loggedClient({ proxy }: Serving, path: string): Promise<string | undefined> {
  const { fields } = parseLogLine(await proxy.line(new RegExp(` Request .*path=${path} `)));
  return fields.client;
}

describe.each(PROTOCOLS)("over %s", (protocol) => {
  const root = `/${protocol.replace("/", "-")}`;

  test("the client is whom a trusted proxy names", async () => {
    await ask(trusting.port, { protocol, path: `${root}/named`, headers: WHO });
    expect(await loggedClient(trusting, `${root}/named`)).toBe("2001:db8::9");
    const forwarded = { Forwarded: 'for="[2001:db8::17]:80";proto=https' };
    await ask(trusting.port, { protocol, path: `${root}/forwarded`, headers: forwarded });
    expect(await loggedClient(trusting, `${root}/forwarded`)).toBe("2001:db8::17");
    await ask(trusting.port, { protocol, path: `${root}/real`, headers: { "X-Real-IP": "203.0.113.9" } });
    expect(await loggedClient(trusting, `${root}/real`)).toBe("203.0.113.9");
  });

  test("the client is the peer where nobody is named", async () => {
    await ask(trusting.port, { protocol, path: `${root}/nobody` });
    expect(await loggedClient(trusting, `${root}/nobody`)).toBe("127.0.0.1");
  });

  test("what a peer that isn't trusted says means nothing", async () => {
    await ask(suspicious.port, { protocol, path: `${root}/spoofed`, headers: WHO });
    expect(await loggedClient(suspicious, `${root}/spoofed`)).toBe("127.0.0.1");
  });
});
