import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { ask } from "../support/client.ts";
import { type InstalledPackage, installPackage } from "../support/installed.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { runProxy, spawnProxy, startProxy } from "../support/proxy.ts";

const LAUNCHER = ["node", join(import.meta.dir, "../../bin/s3proxy.mjs")];
/** The launcher takes only files of this size for a Bun; see `bin/bun.mjs`. */
const BINARY_BYTES = 1_100_000;

let s3: MemoryS3;
beforeAll(async () => {
  s3 = await startMemoryS3();
});
afterEach(() => s3.reset());
afterAll(async () => {
  await s3?.stop();
});

describe("node bin/s3proxy.mjs", () => {
  test("passes arguments on, and stdout, stderr and exit code back", async () => {
    const { version } = (await Bun.file(join(import.meta.dir, "../../package.json")).json()) as {
      version: string;
    };
    expect(await runProxy(["--version"], {}, LAUNCHER)).toEqual({
      exitCode: 0,
      stdout: `s3proxy ${version}\n`,
      stderr: "",
    });
    expect(await runProxy(["--prot", "1"], {}, LAUNCHER)).toEqual({
      exitCode: 2,
      stdout: "",
      stderr: 's3proxy: Unknown option "--prot", did you mean "--port"?\n',
    });
    const unknown = { ...s3, bucket: "no-such-bucket" };
    await expect(startProxy({ s3: unknown, command: LAUNCHER })).rejects.toThrow('"exitCode":1');
  });

  test("passes the environment on", async () => {
    const { exitCode, stderr } = await runProxy([], { S3_BUCKET: "a/b" }, LAUNCHER);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('S3_BUCKET: "a/b" is not valid')]);
  });

  test.each(["SIGTERM", "SIGINT"] as const)(
    "passes %s on once, and exits with the program",
    async (signal) => {
      s3.put("held.txt", "whole");
      const proxy = await startProxy({ s3, command: LAUNCHER });
      const hold = s3.hold("held.txt");
      const answer = ask(proxy.port, { path: "/held.txt" });
      await hold.arrived;
      proxy.signal(signal);
      await proxy.line(/ Stopping/);
      hold.release();
      // A second signal would have ended the program with the request in flight.
      expect((await answer).text).toBe("whole");
      const { exitCode, stdout } = await proxy.ended;
      expect(exitCode).toBe(0);
      expect(stdout.match(/ Stopping/g)?.length).toBe(1);
      expect(stdout.trimEnd()).toEndWith(" Stopped");
    },
  );

  test("passes a second signal on, and exits as the program does", async () => {
    const proxy = await startProxy({ s3, command: LAUNCHER });
    const hold = s3.hold("held.txt");
    ask(proxy.port, { path: "/held.txt" }).catch(() => {});
    await hold.arrived;
    proxy.signal("SIGTERM");
    await proxy.line(/ Stopping/);
    let hasEnded = false;
    void proxy.ended.then(() => {
      hasEnded = true;
    });
    // One that comes too soon after the first counts as the same.
    while (!hasEnded) {
      proxy.signal("SIGTERM");
      await Bun.sleep(50);
    }
    expect((await proxy.ended).exitCode).toBe(143);
  });
});

describe("an installed package", () => {
  let installed: InstalledPackage;
  const run = (args: readonly string[]) => runProxy(args, {}, ["node", installed.launcher]);
  const platformPackage = `@oven/bun-${process.platform}-${process.arch}`;

  beforeAll(() => {
    installed = installPackage();
  });
  afterEach(() => {
    installed.remove();
    installed = installPackage();
  });
  afterAll(() => installed?.remove());

  /** What npm leaves of the package `bun` where it runs no install scripts. */
  function addShellOfBun(): void {
    installed.addFile("bun/package.json", '{"name":"bun","version":"1.4.5"}');
    installed.addFile(
      "bun/bin/bun.exe",
      'echo "Error: the install script of bun did not run"\nexit 1\n',
      0o755,
    );
    installed.addFile("bun/bin/bunx.exe", "", 0o755);
  }

  /** A Bun of the right size that is a script. */
  function scriptBun(script: string): string {
    return `#!/bin/sh\n${script}\nexit 0\n${"#".repeat(BINARY_BYTES)}\n`;
  }

  test("runs with the platform's own binary where the install script of bun did not run", async () => {
    addShellOfBun();
    installed.link(`${platformPackage}/bin/bun`, process.execPath);
    const { exitCode, stdout, stderr } = await run(["--version"]);
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(stdout).toStartWith("s3proxy ");
  });

  test("runs with that binary also where it is nested under bun", async () => {
    addShellOfBun();
    installed.link(`bun/node_modules/${platformPackage}/bin/bun`, process.execPath);
    expect((await run(["--version"])).exitCode).toBe(0);
  });

  test("runs with bun's own binary where the install script ran", async () => {
    installed.addFile("bun/package.json", '{"name":"bun","version":"1.4.5"}');
    installed.link("bun/bin/bun.exe", process.execPath);
    expect((await run(["--version"])).exitCode).toBe(0);
  });

  test.each([
    ["bun without any binary", true],
    ["no bun at all", false],
  ])("says what to do where there is %s, with exit code 1", async (_name, hasShell) => {
    if (hasShell) addShellOfBun();
    const { exitCode, stdout, stderr } = await run(["--version"]);
    expect(stderr).toMatch(/^s3proxy: [^\n]*"npm install"[^\n]*\n$/);
    expect([exitCode, stdout]).toEqual([1, ""]);
  });

  test("gives src/main.ts and every argument to Bun as they are", async () => {
    installed.addFile("bun/package.json", '{"name":"bun","version":"1.4.5"}');
    installed.addFile("bun/bin/bun.exe", scriptBun('for each in "$@"; do echo "<$each>"; done'), 0o755);
    const args = ["--prefix", "a b", "--host=", "*", "$HOME", 'quo"te', "ü"];
    const { stdout } = await run(args);
    expect(stdout).toBe([installed.main, ...args].map((each) => `<${each}>\n`).join(""));
  });

  test("passes each signal on once", async () => {
    installed.addFile("bun/package.json", '{"name":"bun","version":"1.4.5"}');
    installed.link("bun/bin/bun.exe", process.execPath);
    const program = `for (const name of ["TERM", "INT", "HUP"]) process.on("SIG" + name, () => console.log(name));
      process.on("SIGUSR1", () => process.exit(5));
      setInterval(() => {}, 1000);
      console.log("ready");`;
    await Bun.write(installed.main, program);
    const launcher = spawnProxy([], {}, ["node", installed.launcher]);
    await launcher.line(/^ready$/);
    for (const name of ["TERM", "INT", "HUP"] as const) {
      launcher.signal(`SIG${name}`);
      await launcher.line(new RegExp(`^${name}$`));
    }
    launcher.signal("SIGUSR1");
    const { exitCode, stdout } = await launcher.ended;
    expect([exitCode, stdout]).toEqual([5, "ready\nTERM\nINT\nHUP\n"]);
  });

  test.each([
    ["exit 7", 7],
    ["kill -KILL $$", 137],
    ["kill -TERM $$", 143],
  ])("exits as the program does: %s", async (script, exitCode) => {
    installed.addFile("bun/package.json", '{"name":"bun","version":"1.4.5"}');
    installed.addFile("bun/bin/bun.exe", scriptBun(script), 0o755);
    expect((await run([])).exitCode).toBe(exitCode);
  });
});
