/** SIGHUP: what is read again while the program runs. */

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
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificateFolder } from "../support/certificate-folder.ts";
import { type Answer, ask, PROTOCOLS } from "../support/client.ts";
import { startLineServer } from "../support/line-server.ts";
import { logFileLine } from "../support/log-files.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { bucketFlags, type RunningProxy, spawnProxy, startProxy } from "../support/proxy.ts";
import { until } from "../support/site.ts";
import { connectTls, handshakeOf } from "../support/tls-client.ts";

setDefaultTimeout(20_000);

/** So many connections come to both of two threads (all but certainly). */
const CONNECTIONS = 24;
const MAIN = join(import.meta.dir, "../../src/main.ts");
const PRELOAD = join(import.meta.dir, "../support/threads-preload.ts");

let folder: string;
let headersFile: string;
let configFile: string;
let s3: MemoryS3;
let proxy: RunningProxy | undefined;

beforeAll(async () => {
  s3 = await startMemoryS3();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "s3proxy-reload-"));
  headersFile = join(folder, "site.headers");
  configFile = join(folder, "s3proxy.toml");
  writeFileSync(headersFile, "/*\n  X-Version: old\n");
  writeFileSync(configFile, 'allowed-origins = ["https://old.example"]\n');
  s3.put("index.html", "home");
  s3.put("a.css", "a{}");
});
afterEach(async () => {
  await proxy?.stop();
  s3.reset();
  rmSync(folder, { recursive: true, force: true });
});
afterAll(async () => {
  await s3?.stop();
});

const WORD = / Reloaded | Nothing is reloaded/;

/** Asks for a reload, and resolves with the line that says what has become of it. */
async function reload(it: RunningProxy): Promise<string> {
  const lines = () =>
    it
      .stdout()
      .split("\n")
      .slice(0, -1)
      .filter((line) => WORD.test(line));
  const before = lines().length;
  it.signal("SIGHUP");
  await until(() => lines().length > before);
  expect(lines().length).toBe(before + 1);
  return lines().at(-1) ?? "";
}

/** Answers on many connections over both protocols, so that every thread gives some. */
async function answersOf(it: RunningProxy, path: string): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let count = 0; count < CONNECTIONS; count++) {
    const protocol = PROTOCOLS[count % PROTOCOLS.length];
    const headers = { Origin: count % 4 < 2 ? "https://old.example" : "https://new.example" };
    answers.push(await ask(it.port, { path, headers, ...(protocol && { protocol }) }));
  }
  return answers;
}

test("SIGHUP reads the log's level for the thread that publishes visits too", async () => {
  const lines = await startLineServer();
  try {
    const ilp = ["--ilp-host", "127.0.0.1", "--ilp-port", String(lines.port)];
    proxy = await startProxy({ s3, args: [...ilp, "--config", configFile] });
    const { port } = proxy;
    const isSinkUp = async () =>
      (await ask(port, { path: "/_proxy/metrics" })).text.includes('s3proxy_sink_up{sink="questdb"} 1');
    await ask(port, { path: "/" });
    await proxy.line(/ info {5}Visits are stored /);
    writeFileSync(configFile, 'log-level = "critical"\n');
    await reload(proxy);
    await lines.refuse(true);
    await until(async () => {
      await ask(port, { path: "/" });
      return !(await isSinkUp());
    });
    writeFileSync(configFile, 'log-level = "info"\n');
    await reload(proxy);
    await lines.refuse(false);
    await proxy.line(/ info {5}Visits are stored again /);
    expect(proxy.stdout()).not.toContain("Visits can't be stored");
  } finally {
    await lines.stop();
  }
});

describe.each([1, 2])("with --threads %p SIGHUP", (threads) => {
  beforeEach(async () => {
    proxy = await startProxy({ s3, threads, args: ["--headers", headersFile, "--config", configFile] });
  });

  test("reads the headers' file: what was held before has the new ones, on every thread", async () => {
    for (const path of ["/", "/a.css", "/none"]) {
      const versions = (await answersOf(proxy!, path)).map(({ headers }) => headers["x-version"]);
      expect(new Set(versions)).toEqual(new Set(["old"]));
    }
    writeFileSync(headersFile, "/*\n  X-Version: new\n");
    expect(await reload(proxy!)).toEndWith(" info     Reloaded changed=headers");
    for (const path of ["/", "/a.css", "/none"]) {
      const versions = (await answersOf(proxy!, path)).map(({ headers }) => headers["x-version"]);
      expect(new Set(versions)).toEqual(new Set(["new"]));
    }
    expect(s3.countOf("a.css")).toBe(1);
  });

  test("reads whose scripts may read answers", async () => {
    const allowed = async () => {
      const all = await answersOf(proxy!, "/");
      return [...new Set(all.map(({ headers }) => headers["access-control-allow-origin"]))].sort();
    };
    expect(await allowed()).toEqual(["https://old.example", undefined]);
    writeFileSync(configFile, 'allowed-origins = ["https://new.example"]\n');
    expect(await reload(proxy!)).toEndWith(" Reloaded changed=allowed-origins");
    expect(await allowed()).toEqual(["https://new.example", undefined]);
  });

  test("reads the log's level", async () => {
    const logged = () => proxy!.stdout().match(/ debug {4}Request /g)?.length ?? 0;
    await answersOf(proxy!, "/");
    writeFileSync(configFile, 'log-level = "debug"\n');
    expect(await reload(proxy!)).toEndWith(' Reloaded changed="allowed-origins, log-level"');
    expect(logged()).toBe(0);
    await answersOf(proxy!, "/");
    await until(() => logged() === CONNECTIONS);
    writeFileSync(configFile, 'log-level = "critical"\n');
    expect(await reload(proxy!)).toEndWith(" Reloaded changed=log-level");
    await answersOf(proxy!, "/");
    expect(logged()).toBe(CONNECTIONS);
  });

  test.each([
    [
      "the headers' file",
      () => writeFileSync(headersFile, "/*\n  Set-Cookie: a=b\n"),
      / reason="--headers: line 2 of /,
    ],
    ["the headers' file, which is gone,", () => rmSync(headersFile), / reason="--headers: .*ENOENT/],
    [
      "the configuration",
      () => writeFileSync(configFile, "prot = 1\n"),
      / reason="--config: line 1 of .*did you mean/,
    ],
  ])("refuses %s with a line, and all that was before stays", async (what, spoil, reason) => {
    if (what === "the configuration") writeFileSync(headersFile, "/*\n  X-Version: new\n");
    else writeFileSync(configFile, 'allowed-origins = ["https://new.example"]\n');
    spoil();
    const line = await reload(proxy!);
    expect(line).toContain(" warn     Nothing is reloaded, what was before stays reason=");
    expect(line).toMatch(reason);
    for (const { headers } of await answersOf(proxy!, "/")) {
      expect(headers["x-version"]).toBe("old");
      expect(headers["access-control-allow-origin"]).not.toBe("https://new.example");
    }
  });

  test("says what needs a restart, and when nothing is new", async () => {
    expect(await reload(proxy!)).toEndWith(" Reloaded changed=nothing");
    writeFileSync(
      configFile,
      'allowed-origins = ["https://old.example"]\nstale-if-error = 7\nauth-key = "in-the-file"\n',
    );
    expect(await reload(proxy!)).toEndWith(
      ' Reloaded changed=nothing needsRestart="auth-key, stale-if-error"',
    );
  });
});

test("a thread that is started in another's place has what was read again", async () => {
  const command = [process.execPath, "--preload", PRELOAD, MAIN];
  proxy = await startProxy({ s3, threads: 2, command, args: ["--headers", headersFile] });
  writeFileSync(headersFile, "/*\n  X-Version: new\n");
  await reload(proxy);
  proxy.signal("SIGUSR1");
  await proxy.line(/^Thread 3 is started$/);
  await until(async () => {
    const versions = (await answersOf(proxy!, "/")).map(({ headers }) => headers["x-version"]);
    return versions.every((version) => version === "new");
  });
});

describe.each([1, 2])("TLS with --threads %p", (threads) => {
  test("is read again at once, and one that can't be used is refused", async () => {
    const files = certificateFolder("one.test");
    proxy = await startProxy({ s3, threads, args: [...files.flags, "--headers", headersFile] });
    files.renew("two.test");
    await reload(proxy);
    expect(proxy.stdout()).toMatch(/ Certificate renewed .*two\.test.*\n.* Reloaded changed=/);
    await until(async () => {
      // In the moment a listener ends the kernel may reset a connection that is being opened (docs/decisions/009-tls-reload.md).
      const socket = await connectTls(proxy!.port).catch(() => undefined);
      const name = socket && handshakeOf(socket).name;
      socket?.destroy();
      return name === "two.test";
    });
    files.replace(files.keyPath, "no key");
    writeFileSync(headersFile, "/*\n  X-Version: new\n");
    expect(await reload(proxy)).toMatch(/ Nothing is reloaded, .*doesn't hold a private key/);
    files.remove();
  });
});

test("SIGHUP during the start doesn't end the program, and counts when it serves", async () => {
  const hold = s3.hold("*");
  const args = [
    ...bucketFlags(s3),
    "--port",
    "0",
    "--console",
    "--cache-dir",
    join(folder, "cache"),
    "--dir",
    folder,
  ];
  const child = spawnProxy(args);
  await hold.arrived;
  child.signal("SIGHUP");
  hold.release();
  await child.line(/ Listening /);
  await child.line(/ Reloaded changed=nothing/);
  child.signal("SIGTERM");
  expect((await child.ended).exitCode).toBe(0);
});

test("a terminal that is closed ends the program that was started on it", async () => {
  let shown = "";
  const child = Bun.spawn(
    [
      process.execPath,
      MAIN,
      ...bucketFlags(s3),
      "--port",
      "0",
      "--cache-dir",
      join(folder, "cache"),
      "--dir",
      folder,
    ],
    {
      terminal: {
        data(_terminal, bytes) {
          shown += Buffer.from(bytes).toString();
        },
      },
    },
  );
  await logFileLine(folder, / Listening /);
  child.kill("SIGHUP");
  await logFileLine(folder, / Reloaded /);
  child.terminal?.close();
  expect(await child.exited).toBe(0);
  expect(shown).toBe("");
  await logFileLine(folder, / Stopped/);
});
