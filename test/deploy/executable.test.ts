/** The one file that `npm run build` makes: it must be all that a machine needs. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildProgram, PLATFORMS } from "../../scripts/build.ts";
import { ask, PROTOCOLS } from "../support/client.ts";
import { startLineServer } from "../support/line-server.ts";
import { startMemoryS3 } from "../support/memory-s3.ts";
import { bucketFlags, type RunningProxy, runProxy, startProxy } from "../support/proxy.ts";
import { sampleFile, uploadSampleSite } from "../support/sample-site.ts";
import { startSite, until } from "../support/site.ts";
import { startTcpServer } from "../support/tcp-server.ts";

/** The build writes 120 MB. */
setDefaultTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), "s3proxy-executable-"));
const program = join(folder, "bin/s3proxy");
/** What would change or end the program, were it read there. */
const elsewhere = join(folder, "elsewhere");
const command = ["env", "-C", elsewhere, program];
let site: Awaited<ReturnType<typeof startSite>>;

beforeAll(async () => {
  const platform = PLATFORMS.find((each) => each === `${process.platform}-${process.arch}`);
  if (platform === undefined)
    throw new Error(`There is no executable for ${process.platform} ${process.arch}`);
  await buildProgram(platform, program);
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, ".env"), "S3_PREFIX=nothing/is/here/\n");
  writeFileSync(join(elsewhere, "bunfig.toml"), 'preload = ["./is-not-there.ts"]\n');
  site = await startSite();
  await uploadSampleSite(site.s3);
});
afterAll(async () => {
  await site?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Expects the home page, over both protocols. */
async function expectFirstPage({ port }: RunningProxy): Promise<void> {
  const page = await sampleFile("index.html").text();
  for (const protocol of PROTOCOLS) expect((await ask(port, { protocol, path: "/" })).text).toBe(page);
}

describe("the executable", () => {
  test("is one file", () => {
    expect(readdirSync(join(folder, "bin"))).toEqual(["s3proxy"]);
  });

  test.each(["--version", "--help", "--prot"])("answers %s as the sources do", async (flag) => {
    expect(await runProxy([flag], {}, command)).toEqual(await runProxy([flag]));
  });

  test("serves with all its threads, and stops at Ctrl-C with exit code 0", async () => {
    const questDb = await startLineServer();
    const args = ["--ilp-host", "127.0.0.1", "--ilp-port", String(questDb.port)];
    const proxy = await site.start({ command, threads: 2, args });
    await expectFirstPage(proxy);
    await until(() => questDb.lines().length === PROTOCOLS.length);
    proxy.signal("SIGINT");
    const { exitCode, stdout } = await proxy.ended;
    await questDb.stop();
    expect(exitCode).toBe(0);
    expect(stdout.trimEnd()).toEndWith(" Stopped");
    expect(questDb.lines().every((line) => line.includes("resource=/"))).toBe(true);
  });

  test("checks as the sources do, in the same lines", async () => {
    const s3 = await startMemoryS3();
    s3.put("index.html", "home");
    const args = ["check", ...bucketFlags(s3), "--cache-dir", join(folder, "unmade")];
    const { exitCode, stdout, stderr } = await runProxy(args, {}, command);
    expect([exitCode, stderr]).toEqual([0, ""]);
    // A sign and what was looked at; what is said of it has times in it.
    const named = (text: string) => text.split("\n").map((line) => /^\S \w+/.exec(line)?.[0]);
    expect(named(stdout)).toEqual(named((await runProxy(args)).stdout));
    expect(named(stdout)).toContain("✓ get");
    await s3.stop();
  });

  test("warms a cache, and serves from it by a configuration file", async () => {
    const cacheDir = join(folder, "warmed");
    const warmed = await runProxy(
      ["warm", ...bucketFlags(site.location), "--cache-dir", cacheDir],
      {},
      command,
    );
    expect([warmed.exitCode, warmed.stderr]).toEqual([0, ""]);
    const config = join(folder, "s3proxy.toml");
    writeFileSync(config, 'index-document = "404.html"\n');
    site.gate.reset();
    const proxy = await site.start({ command, cacheDir, args: ["--config", config] });
    const page = await sampleFile("404.html").text();
    expect((await ask(proxy.port, { path: "/" })).text).toBe(page);
    expect((await ask(proxy.port, { path: "/index.html" })).text).toBe(await sampleFile("index.html").text());
    expect(site.gate.countOf("404.html") + site.gate.countOf("index.html")).toBe(0);
    await proxy.stop();
  });

  test("takes the place of another, whose port and directory it gets", async () => {
    const cacheDir = join(folder, "shared");
    const takeover = ["--takeover", join(folder, "takeover.sock")];
    const first = await site.start({ command, threads: 2, cacheDir, args: takeover });
    await expectFirstPage(first);
    const args = [...takeover, "--port", String(first.port)];
    const second = await site.start({ command, threads: 2, cacheDir, args });
    expect((await first.ended).exitCode).toBe(0);
    await second.line(/Cache directory indexed objects=[1-9]/);
    // Which of them gets a connection is chosen by way of the C library.
    expect(second.stdout()).not.toContain("New connections can't be kept");
    await expectFirstPage(second);
    await second.stop();
  });

  test("has MongoDB's driver", async () => {
    const { promise: hello, resolve } = Promise.withResolvers<string>();
    const mongoDb = await startTcpServer(
      async (socket) => void socket.once("data", (data) => resolve(`${data}`)),
    );
    const proxy = await site.start({ command, args: ["--mongo-uri", `mongodb://127.0.0.1:${mongoDb.port}`] });
    expect(await hello).toContain("nodejs");
    await mongoDb.close();
    await proxy.stop();
  });

  test("has the AWS default chain, down to the credentials of a container", async () => {
    const { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey } = site.location;
    const credentials = { AccessKeyId, SecretAccessKey, Token: "", Expiration: "2999-01-01T00:00:00Z" };
    const endpoint = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => Response.json(credentials) });
    const args = bucketFlags(site.location).slice(0, 6);
    const environment = { HOME: folder, AWS_CONTAINER_CREDENTIALS_FULL_URI: endpoint.url.href };
    const proxy = await startProxy({ command, args, environment });
    await expectFirstPage(proxy);
    await proxy.stop();
    await endpoint.stop(true);
  });
});
