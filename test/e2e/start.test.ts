import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { availableParallelism, networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { ask } from "../support/client.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { bucketFlags, runProxy, spawnProxy, startProxy } from "../support/proxy.ts";

const folder = mkdtempSync(join(tmpdir(), "s3proxy-start-"));
let s3: MemoryS3;

beforeAll(async () => {
  s3 = await startMemoryS3();
  s3.put("index.html", "home");
});
afterAll(async () => {
  await s3?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** True where something listens there. */
function isOpen(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port }, () => {
    socket.destroy();
    resolve(true);
  });
  socket.on("error", () => resolve(false));
  return promise;
}

/** This machine's own addresses; those of a link alone are left out, for they need a zone. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.map(({ address }) => address).filter((address) => !address.startsWith("fe80"));
}

describe("the port", () => {
  test("0 picks a free one and logs it", async () => {
    const [one, other] = await Promise.all([startProxy({ s3 }), startProxy({ s3, threads: 2 })]);
    expect(one.port).toBeGreaterThan(0);
    expect(other.port).not.toBe(one.port);
    for (const { port } of [one, other]) expect((await ask(port, { path: "/" })).text).toBe("home");
    await Promise.all([one.stop(), other.stop()]);
  });

  describe.each([
    ["all interfaces", "::", []],
    ["one address", "127.0.0.1", ["--host", "127.0.0.1"]],
  ] as const)("of %s that another program has", (_name, occupiedHost, hostFlags) => {
    let occupant: Server;
    let port: number;
    beforeAll(async () => {
      occupant = createServer();
      await new Promise<void>((resolve) => occupant.listen({ host: occupiedHost, port: 0 }, resolve));
      port = (occupant.address() as { port: number }).port;
    });
    afterAll(() => {
      occupant.close();
    });

    test.each([1, 4])("is one line that names it, and exit code 1, with --threads %p", async (threads) => {
      const flags = ["--port", String(port), ...hostFlags, "--threads", String(threads)];
      const { exitCode, stderr } = await runProxy([...bucketFlags(s3), ...folders(), ...flags]);
      expect(stderr).toMatch(/^s3proxy: [^\n]+\n$/);
      expect(stderr).toContain(String(port));
      expect(stderr).toMatch(/in use/);
      expect(exitCode).toBe(1);
    });
  });

  test.each([1, 4])("of another s3proxy isn't shared with it, with --threads %p", async (threads) => {
    // Its threads share the port among themselves, which a program that asks the same way could join.
    const other = await startProxy({ s3, threads: 2 });
    for (const hostFlags of [[], ["--host", "127.0.0.1"]]) {
      const flags = ["--port", String(other.port), ...hostFlags, "--threads", String(threads)];
      const { exitCode, stderr } = await runProxy([...bucketFlags(s3), ...folders(), ...flags]);
      expect(stderr).toMatch(new RegExp(`^s3proxy: [^\\n]*\\b${other.port}\\b[^\\n]*\\n$`));
      expect(exitCode).toBe(1);
    }
    await other.stop();
  });

  test("is 8000 where nothing is said", async () => {
    // Whoever has it, this test or another program: the message says which port was wanted.
    const occupant = createServer().on("error", () => {});
    await new Promise<void>((resolve) => {
      occupant.once("error", () => resolve());
      occupant.listen({ host: "::", port: 8000 }, resolve);
    });
    const { exitCode, stderr } = await runProxy([...bucketFlags(s3), ...folders()]);
    expect(stderr).toMatch(/^s3proxy: [^\n]*\b8000\b[^\n]*\n$/);
    expect(exitCode).toBe(1);
    occupant.close();
  });
});

describe.each([1, 2])("with --threads %p", (threads) => {
  test("--host binds that address only", async () => {
    const proxy = await startProxy({ s3, threads, args: ["--host", "127.0.0.1"] });
    expect(await isOpen("127.0.0.1", proxy.port)).toBe(true);
    const others = ownAddresses().filter((address) => address !== "127.0.0.1");
    for (const address of others)
      expect([address, await isOpen(address, proxy.port)]).toEqual([address, false]);
    await proxy.stop();
  });

  test("without --host every address of the machine answers, IPv4 and IPv6", async () => {
    const proxy = await startProxy({ s3, threads });
    for (const address of ownAddresses()) {
      expect([address, await isOpen(address, proxy.port)]).toEqual([address, true]);
    }
    await proxy.stop();
  });
});

test("an address that isn't this machine's is one line and exit code 1", async () => {
  for (const threads of ["1", "2"]) {
    const flags = ["--port", "0", "--host", "192.0.2.1", "--threads", threads];
    const { exitCode, stderr } = await runProxy([...bucketFlags(s3), ...folders(), ...flags]);
    expect(stderr).toMatch(/^s3proxy: [^\n]+\n$/);
    expect(exitCode).toBe(1);
  }
});

test("there are as many threads as CPUs the process may use where nothing is said", async () => {
  const child = spawnProxy([...bucketFlags(s3), ...folders(), "--port", "0", "--console"]);
  const listening = await child.line(/ Listening /);
  child.signal("SIGTERM");
  await child.ended;
  expect(listening).toContain(` threads=${usableCpus()} `);
});

function folders(): string[] {
  return ["--dir", folder, "--cache-dir", join(folder, "cache")];
}

/** Affinity, and what a control group of version 2 leaves of it. */
function usableCpus(): number {
  const file = "/sys/fs/cgroup/cpu.max";
  const [quota, period] = (existsSync(file) ? readFileSync(file, "utf8") : "max 1").split(" ").map(Number);
  const most = Number.isNaN(quota) ? Number.POSITIVE_INFINITY : quota! / period!;
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(most)));
}
