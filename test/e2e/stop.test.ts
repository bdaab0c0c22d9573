import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type Answer, ask, PROTOCOLS, parseAnswer } from "../support/client.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
const STANDING = join(import.meta.dir, "../support/standing-preload.ts");
const BODY = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
/** More than the buffers of a connection take while its client doesn't read. */
const HUGE_BYTES = 64 * 1024 * 1024;

let s3: MemoryS3;
beforeAll(async () => {
  s3 = await startMemoryS3();
});
afterEach(() => s3.reset());
afterAll(async () => {
  await s3?.stop();
});

/** Asks over each protocol for a body that S3 holds back; resolves when S3 has been asked for all of them. */
async function inFlight(proxy: RunningProxy) {
  const held = PROTOCOLS.map((protocol, at) => {
    const key = `large-${at}.bin`;
    s3.put(key, BODY);
    const hold = s3.holdBody(key, 1000);
    const answer = ask(proxy.port, { protocol, path: `/${key}` });
    // What comes of it is looked at later, if at all.
    answer.catch(() => {});
    return { hold, answer };
  });
  await Promise.all(held.map(({ hold }) => hold.arrived));
  const release = () => {
    for (const { hold } of held) hold.release();
  };
  return { release, answers: held.map(({ answer }) => answer) };
}

/** Resolves when nobody listens any more. */
async function untilRefused(port: number): Promise<void> {
  for (;;) {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const socket = connect(port, "127.0.0.1", () => resolve(false));
    socket.on("error", () => resolve(true));
    const isRefused = await promise;
    socket.destroy();
    if (isRefused) return;
    await Bun.sleep(10);
  }
}

/** Sends the signal until the program has ended: one that comes too soon after the first counts as the same. */
async function exitCodeAfterMore(proxy: RunningProxy, signal: NodeJS.Signals): Promise<number> {
  let exitCode: number | undefined;
  void proxy.ended.then((ended) => {
    exitCode = ended.exitCode;
  });
  while (exitCode === undefined) {
    proxy.signal(signal);
    await Bun.sleep(50);
  }
  return exitCode;
}

function expectWhole(answers: readonly Answer[]): void {
  for (const answer of answers) {
    expect([answer.status, answer.isComplete, answer.body.equals(BODY)]).toEqual([200, true, true]);
  }
}

describe.each([1, 4])("with --threads %p", (threads) => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s takes no more connections, finishes what is in flight, and exits 0",
    async (signal) => {
      const proxy = await startProxy({ s3, threads });
      const { release, answers } = await inFlight(proxy);
      proxy.signal(signal);
      await proxy.line(/ Stopping/);
      await untilRefused(proxy.port);
      release();
      expectWhole(await Promise.all(answers));
      const { exitCode, stdout, stderr } = await proxy.ended;
      expect([exitCode, stderr]).toEqual([0, ""]);
      expect(stdout.trimEnd()).toEndWith(" Stopped");
    },
  );

  test("a client that reads slowly gets its whole body", async () => {
    s3.put("huge.bin", Buffer.alloc(HUGE_BYTES, "x"));
    const proxy = await startProxy({ s3, threads });
    const socket = connect(proxy.port, "127.0.0.1");
    const raw = await pausedAnswer(socket, "/huge.bin");
    proxy.signal("SIGTERM");
    await untilRefused(proxy.port);
    const answer = parseAnswer(await raw());
    expect([answer.status, answer.isComplete]).toEqual([200, true]);
    expect((await proxy.ended).exitCode).toBe(0);
  });

  test("idle connections don't delay the exit", async () => {
    s3.put("index.html", "home");
    const proxy = await startProxy({ s3, threads });
    const idle = connect(proxy.port, "127.0.0.1");
    const kept = connect(proxy.port, "127.0.0.1");
    kept.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const session = connectHttp2(`http://127.0.0.1:${proxy.port}`);
    for (const each of [idle, kept, session]) each.on("error", () => {});
    const stream = session.request({ ":path": "/" });
    await Promise.all([
      new Promise((resolve) => kept.once("data", resolve)),
      new Promise((resolve) => stream.resume().once("close", resolve)),
    ]);
    proxy.signal("SIGTERM");
    // The deadline of what is in flight is longer than this test may take.
    const { exitCode, stdout } = await proxy.ended;
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain("were ended");
    for (const each of [idle, kept, session]) each.destroy();
  });

  test.each([
    ["SIGTERM", "SIGTERM", 143],
    ["SIGINT", "SIGTERM", 143],
    ["SIGTERM", "SIGINT", 130],
    ["SIGINT", "SIGINT", 130],
  ] as const)("%s and then %s exits at once with %p", async (first, second, exitCode) => {
    const proxy = await startProxy({ s3, threads });
    await inFlight(proxy);
    proxy.signal(first);
    await proxy.line(/ Stopping/);
    expect(await exitCodeAfterMore(proxy, second)).toBe(exitCode);
  });

  test.each([
    ["SIGINT", "SIGINT"],
    ["SIGTERM", "SIGTERM"],
    ["SIGINT", "SIGTERM"],
  ] as const)("one wish that arrives as %s and %s counts once", async (first, second) => {
    const command = [process.execPath, "--preload", STANDING, MAIN];
    const proxy = await startProxy({ s3, threads, command });
    const { release, answers } = await inFlight(proxy);
    proxy.signal(first);
    await proxy.line(/ Stopping/);
    proxy.signal(second);
    await untilRefused(proxy.port);
    release();
    expectWhole(await Promise.all(answers));
    expect((await proxy.ended).exitCode).toBe(0);
  });
});

/** Asks and stops reading after the first bytes; the function returned reads the rest. */
async function pausedAnswer(socket: Socket, path: string): Promise<() => Promise<Buffer>> {
  const chunks: Buffer[] = [];
  const { promise: first, resolve: onFirst } = Promise.withResolvers<void>();
  const { promise: closed, resolve: onClose, reject } = Promise.withResolvers<void>();
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    if (chunks.length === 1) {
      socket.pause();
      onFirst();
    }
  });
  socket.on("close", () => onClose());
  socket.on("error", reject);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  await first;
  return async () => {
    socket.resume();
    await closed;
    return Buffer.concat(chunks);
  };
}
