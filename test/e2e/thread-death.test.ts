import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { join } from "node:path";
import { type Answer, ask } from "../support/client.ts";
import { parseLogLine } from "../support/log-files.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";

/** A thread is started again a second after its end, which the longest of these tests waits for three times. */
setDefaultTimeout(30_000);

const THREADS = 2;
const PRELOAD = join(import.meta.dir, "../support/threads-preload.ts");
const MAIN = join(import.meta.dir, "../../src/main.ts");
const AUTH_KEY = "bearer-of-this-test";

let s3: MemoryS3;
let proxy: RunningProxy;

beforeAll(async () => {
  s3 = await startMemoryS3();
});
beforeEach(async () => {
  s3.put("index.html", "home");
  const command = [process.execPath, "--preload", PRELOAD, MAIN];
  proxy = await startProxy({ s3, threads: THREADS, command, args: ["--auth-key", AUTH_KEY] });
});
afterEach(async () => {
  await proxy?.stop();
  s3.reset();
});
afterAll(async () => {
  await s3?.stop();
});

const started = () => proxy.stdout().match(/^Thread \d+ is started$/gm)?.length;

/** A connection that was waiting on the thread that ended gets no answer; the next one does. */
async function answerOfAny(path: string): Promise<Answer> {
  for (;;) {
    try {
      return await ask(proxy.port, { path });
    } catch {
      await Bun.sleep(10);
    }
  }
}

test("--threads decides how many threads serve", () => {
  expect(started()).toBe(THREADS);
});

describe.each([
  ["throws an error that nobody catches", "SIGUSR2", "A fault from outside"],
  ["is terminated", "SIGUSR1", ""],
] as const)("a serving thread that %s", (_name, signal, reason) => {
  test("is logged with the reason, in one line, and started again", async () => {
    proxy.signal(signal);
    const line = parseLogLine(await proxy.line(/ critical /));
    expect(line.message).toBe("A serving thread ended and is started again");
    expect(line.fields.reason).toContain(reason);
    await proxy.line(/^Thread 3 is started$/);
    expect(started()).toBe(THREADS + 1);
  });

  test("leaves the others serving, and the program stops well without it", async () => {
    proxy.signal(signal);
    await proxy.line(/ critical /);
    expect((await answerOfAny("/")).text).toBe("home");
    const { exitCode, stdout } = await proxy.stop();
    expect(exitCode).toBe(0);
    expect(stdout.trimEnd()).toEndWith(" Stopped");
  });

  test("doesn't hold up a clear: nobody waits for a thread that is gone", async () => {
    proxy.signal(signal);
    await proxy.line(/ critical /);
    await answerOfAny("/");
    const headers = { Authorization: `Bearer ${AUTH_KEY}` };
    const cleared = await ask(proxy.port, {
      method: "DELETE",
      path: "/_proxy/_private/_cache/clear",
      headers,
    });
    expect([cleared.status, cleared.text]).toEqual([200, '{"cleared":1}\n']);
  });
});

test("threads that take the place of all others serve, and are the next to stop", async () => {
  for (const number of [3, 4]) {
    proxy.signal("SIGUSR1");
    await proxy.line(new RegExp(`^Thread ${number} is started$`));
  }
  expect((await answerOfAny("/")).text).toBe("home");
  const { exitCode, stdout } = await proxy.stop();
  expect(exitCode).toBe(0);
  expect(stdout.match(/ critical /g)?.length).toBe(2);
});

test("a thread that can't listen is tried again, and doesn't stay", async () => {
  await proxy.stop();
  const command = [process.execPath, "--preload", PRELOAD, MAIN];
  proxy = await startProxy({ s3, threads: THREADS, command, environment: { CANT_LISTEN: "3 4" } });
  proxy.signal("SIGUSR1");
  await proxy.line(/ critical A serving thread could not be started reason="No descriptor to listen with"/);
  await proxy.line(/^Thread 5 is started$/);
  for (const number of [3, 4]) await proxy.line(new RegExp(`^Thread ${number} has ended$`));
});
