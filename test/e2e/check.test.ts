/** `s3proxy check`: what it looks at, what it says, how it ends. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";
import { makeCertificate } from "../support/certificate.ts";
import { certificateFolder } from "../support/certificate-folder.ts";
import { startLineServer } from "../support/line-server.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { CITY_DATABASE, startMmdbWs } from "../support/mmdb-ws.ts";
import { bucketFlags, type Ended, runProxy, startProxy } from "../support/proxy.ts";
import { startS3rver } from "../support/s3rver.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
/** Nothing listens there. */
const NOWHERE = "127.0.0.1:9";

let s3: MemoryS3;
let folder: string;

beforeAll(async () => {
  s3 = await startMemoryS3();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "s3proxy-check-"));
  s3.put("docs/index.html", "docs");
});
afterEach(() => {
  s3.reset();
  rmSync(folder, { recursive: true, force: true });
});
afterAll(async () => {
  await s3?.stop();
});

function check(args: readonly string[] = [], environment: Record<string, string> = {}): Promise<Ended> {
  const flags = [...bucketFlags(s3), "--cache-dir", join(folder, "cache")];
  return runProxy(["check", ...flags, ...args], environment);
}

/** The line about one thing: its sign and its text. */
function lineOf({ stdout }: Ended, name: string): string {
  const lines = stdout.split("\n").filter((line) => new RegExp(`^\\S ${name} `).test(line));
  expect([name, lines.length, stdout]).toEqual([name, 1, stdout]);
  return (lines[0] ?? "").replace(/^(\S) \S+ +/, "$1 ");
}

test("where all is well there is a line with a tick for each thing, exit code 0, and nothing was made", async () => {
  const ended = await check();
  expect([ended.exitCode, ended.stderr]).toEqual([0, ""]);
  const names = ended.stdout
    .trimEnd()
    .split("\n")
    .map((line) => /^✓ (\S+) +\S/.exec(line)?.[1]);
  expect(names).toEqual(["dns", "connection", "clock", "credentials", "bucket", "list", "get", "cache"]);
  expect(lineOf(ended, "credentials")).toContain(`"${s3.accessKeyId}", given by --key`);
  expect(lineOf(ended, "get")).toContain('"docs/index.html"');
  expect(ended.stdout).not.toContain(s3.secretAccessKey);
  expect(existsSync(join(folder, "cache"))).toBe(false);
});

test("--json is one document with the same findings", async () => {
  s3.regionRedirect = "eu-central-1";
  const ended = await check(["--json"]);
  const { ok, checks } = JSON.parse(ended.stdout) as { ok: boolean; checks: Record<string, string>[] };
  expect([ended.exitCode, ok]).toEqual([1, false]);
  expect(checks.map((each) => each.check)).toEqual([
    "dns",
    "connection",
    "clock",
    "credentials",
    "bucket",
    "list",
    "get",
    "cache",
  ]);
  expect(checks.map((each) => each.state)).toEqual([
    "ok",
    "ok",
    "ok",
    "ok",
    "failed",
    "skipped",
    "skipped",
    "ok",
  ]);
  expect(checks[4]?.text).toContain(
    'in region "eu-central-1", not "us-east-1", wanted --region eu-central-1',
  );
});

describe("S3:", () => {
  test("a wrong secret, which isn't shown", async () => {
    const ended = await check(["--secret", "not-the-secret"]);
    expect(ended.exitCode).toBe(1);
    expect(lineOf(ended, "bucket")).toMatch(/^✗ .*does not accept the credentials .*SignatureDoesNotMatch/);
    expect(lineOf(ended, "list")).toStartWith("- ");
    expect(ended.stdout + ended.stderr).not.toContain("not-the-secret");
  });

  test("a bucket that doesn't exist", async () => {
    expect(lineOf(await check(["--bucket", "another"]), "bucket")).toMatch(/^✗ .*"another" does not exist/);
  });

  test("a prefix with nothing under it", async () => {
    const ended = await check(["--prefix", "none"]);
    expect(lineOf(ended, "list")).toMatch(/^! .*nothing to serve under "none\/"/);
    expect(ended.exitCode).toBe(0);
  });

  test("a key that may not be read", async () => {
    s3.answer("docs/index.html", 403, {}, "<Error><Code>AccessDenied</Code><Message>No</Message></Error>");
    const ended = await check();
    expect(lineOf(ended, "get")).toMatch(/^✗ .*allow s3:GetObject for arn:aws:s3:::test-bucket\/\*/);
    expect(ended.exitCode).toBe(1);
  });

  test("a bucket that may not be listed", async () => {
    const closed = await startMemoryS3({ listable: false });
    const ended = await runProxy(["check", ...bucketFlags(closed), "--cache-dir", join(folder, "cache")]);
    expect(lineOf(ended, "list")).toMatch(/^! s3:ListBucket is not allowed/);
    expect(lineOf(ended, "get")).toMatch(/^! "index.html" is missing or may not be read/);
    expect(ended.exitCode).toBe(0);
    await closed.stop();
  });

  test.each([
    ["an hour ahead of S3's", -3600_000, "✗", 1],
    ["a minute behind", 60_000, "!", 0],
  ] as const)("a clock that is %s", async (_what, offsetMs, sign, exitCode) => {
    s3.clockOffsetMs = offsetMs;
    const ended = await check();
    expect(lineOf(ended, "clock")).toMatch(new RegExp(`^${sign} .*set it`));
    expect(ended.exitCode).toBe(exitCode);
  });

  test("nothing there, and what follows from it isn't tried", async () => {
    const ended = await check(["--endpoint", `http://${NOWHERE}`]);
    expect(lineOf(ended, "connection")).toMatch(/^✗ .*can't be reached/);
    for (const name of ["clock", "bucket", "list", "get"]) expect(lineOf(ended, name)).toStartWith("- ");
    expect(ended.exitCode).toBe(1);
  });

  test("a name without an address", async () => {
    const ended = await check(["--endpoint", "http://no-such-host.invalid"]);
    expect(lineOf(ended, "dns")).toMatch(/^✗ .*no-such-host\.invalid has no address/);
    expect(lineOf(ended, "connection")).toStartWith("- ");
  });

  test("TLS by a certificate that nobody trusts, and by one that this machine does", async () => {
    const { cert, key } = makeCertificate("localhost");
    const server = createServer({ cert, key }, (socket) => {
      const inner = connect(Number(new URL(s3.endpoint).port), "127.0.0.1");
      socket
        .on("error", () => inner.destroy())
        .pipe(inner)
        .on("error", () => socket.destroy())
        .pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const endpoint = `https://localhost:${(server.address() as { port: number }).port}`;
    const refused = await check(["--endpoint", endpoint]);
    expect(lineOf(refused, "connection")).toMatch(/^✗ .*a certificate that this machine trusts/);
    expect(refused.exitCode).toBe(1);
    const file = join(folder, "ca.pem");
    writeFileSync(file, cert);
    const trusted = await check(["--endpoint", endpoint], { NODE_EXTRA_CA_CERTS: file });
    expect(lineOf(trusted, "connection")).toMatch(
      /^✓ .* by TLSv1\.3, its certificate is good until \d{4}-\d\d-\d\d$/,
    );
    expect(trusted.exitCode).toBe(0);
    server.close();
  });
});

describe("credentials", () => {
  const withoutKey = () => [
    "check",
    "--bucket",
    s3.bucket,
    "--endpoint",
    s3.endpoint,
    "--cache-dir",
    join(folder, "c"),
  ];
  const quiet = { AWS_EC2_METADATA_DISABLED: "true" };
  const own = () => ({ AWS_ACCESS_KEY_ID: s3.accessKeyId, AWS_SECRET_ACCESS_KEY: s3.secretAccessKey });

  test("of the environment", async () => {
    const ended = await runProxy(withoutKey(), { ...quiet, HOME: folder, ...own() });
    expect(lineOf(ended, "credentials")).toMatch(/^✓ .* from the environment$/);
    expect(ended.exitCode).toBe(0);
  });
  test("of a shared profile", async () => {
    mkdirSync(join(folder, ".aws"));
    const lines = [
      "[default]",
      `aws_access_key_id = ${s3.accessKeyId}`,
      `aws_secret_access_key = ${s3.secretAccessKey}`,
    ];
    writeFileSync(join(folder, ".aws/credentials"), lines.join("\n"));
    const ended = await runProxy(withoutKey(), { ...quiet, HOME: folder });
    expect(lineOf(ended, "credentials")).toMatch(/^✓ .* from a shared profile$/);
  });
  test("that aren't there", async () => {
    const ended = await runProxy(withoutKey(), { ...quiet, HOME: folder });
    expect(lineOf(ended, "credentials")).toMatch(
      /^✗ none .*wanted --key and --secret, the AWS default chain, or --no-sign/,
    );
    expect(lineOf(ended, "bucket")).toMatch(/^- there are no credentials/);
    expect(ended.exitCode).toBe(1);
  });
});

// s3rver makes the token of a next page by a cipher (DES) that Bun doesn't have.
test("a server that fails to list in pages can still be served from, and the line says so", async () => {
  const s3rver = await startS3rver();
  for (const key of ["a", "b", "c"]) await s3rver.put(key, "x");
  const ended = await runProxy(["check", ...bucketFlags(s3rver), "--cache-dir", join(folder, "cache")]);
  expect(lineOf(ended, "list")).toMatch(
    /^✗ S3 does not list \(InternalError: .*pages are served all the same/,
  );
  await s3rver.stop();
});

describe("the cache directory", () => {
  test("of a running s3proxy whose place is taken is right", async () => {
    const args = ["--takeover", join(folder, "takeover.sock")];
    const proxy = await startProxy({ s3, cacheDir: join(folder, "taken"), args });
    const ended = await check([...args, "--cache-dir", join(folder, "taken")]);
    expect(lineOf(ended, "cache")).toMatch(/^✓ .*in use by an s3proxy that runs, .*\(--takeover\)/);
    await proxy.stop();
  });
  test("that a running s3proxy has is no fault", async () => {
    const proxy = await startProxy({ s3, cacheDir: join(folder, "cache") });
    const ended = await check();
    expect(lineOf(ended, "cache")).toMatch(/^! .*in use by an s3proxy that runs/);
    expect(ended.exitCode).toBe(0);
    await proxy.stop();
    expect(lineOf(await check(), "cache")).toStartWith("✓ ");
  });
  test("that has less room than it may use", async () => {
    expect(lineOf(await check(["--cache-size", "4000TB"]), "cache")).toMatch(/^! .*less than --cache-size/);
  });
  test("that is a file", async () => {
    writeFileSync(join(folder, "cache"), "");
    const ended = await check();
    expect(lineOf(ended, "cache")).toMatch(/^✗ .*is not a directory/);
    expect(ended.exitCode).toBe(1);
  });
});

test("the files that options name: headers, certificate and database", async () => {
  const headers = join(folder, "site.headers");
  writeFileSync(headers, "/*\n  X-A: b\n");
  const tls = certificateFolder("site.test");
  const args = ["--headers", headers, ...tls.flags, "--mmdb-file", CITY_DATABASE];
  const good = await check(args);
  expect(lineOf(good, "headers")).toMatch(/^✓ .*1 patterns/);
  // Test certificates end tomorrow.
  expect(lineOf(good, "certificate")).toMatch(/^! .*site\.test.* until \d{4}-\d\d-\d\d: that is soon/);
  expect(lineOf(good, "mmdb")).toMatch(/^✓ .*can be read/);
  expect(good.exitCode).toBe(0);
  writeFileSync(headers, "  X-A: b\n");
  tls.replace(tls.keyPath, "no key");
  const bad = await check([...args, "--mmdb-file", headers]);
  expect(lineOf(bad, "headers")).toMatch(/^✗ --headers: line 1 of /);
  expect(lineOf(bad, "certificate")).toMatch(/^✗ .*doesn't hold a private key/);
  expect(lineOf(bad, "mmdb")).toMatch(/^✗ .*wanted a city database/);
  expect(bad.exitCode).toBe(1);
  tls.remove();
});

test("where visits go and places come from is reached once", async () => {
  const [lines, mmdb] = await Promise.all([startLineServer(), startMmdbWs()]);
  const ports = ["--ilp-port", String(lines.port), "--mmdb-port", String(mmdb.port)];
  const args = ["--ilp-host", "127.0.0.1", "--mmdb-host", "127.0.0.1", ...ports];
  const good = await check(args);
  expect(lineOf(good, "questdb")).toMatch(/^✓ reached: 127\.0\.0\.1:\d+, table "request"/);
  expect(lineOf(good, "mmdb")).toMatch(/^✓ .*answers/);
  expect(good.exitCode).toBe(0);
  await Promise.all([lines.stop(), mmdb.close()]);
  const bad = await check([...args, "--mongo-uri", `mongodb://user:hunter22@${NOWHERE}`]);
  for (const name of ["questdb", "mongodb", "mmdb"]) expect(lineOf(bad, name)).toStartWith("✗ ");
  expect(bad.stdout).not.toContain("hunter22");
  expect(bad.exitCode).toBe(1);
  expect(lines.lines()).toEqual([]);
}, 20_000);

test.each([
  ["a terminal has colours", {}, true],
  ["a terminal with NO_COLOR has none", { NO_COLOR: "1" }, false],
] as const)("%s", async (_what, environment, isColored) => {
  let shown = "";
  const flags = ["check", ...bucketFlags(s3), "--cache-dir", join(folder, "cache")];
  const child = Bun.spawn([process.execPath, MAIN, ...flags], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
    terminal: {
      data(_terminal, bytes) {
        shown += Buffer.from(bytes).toString();
      },
    },
  });
  expect(await child.exited).toBe(0);
  while (!shown.includes(" cache ")) await Bun.sleep(5);
  expect(shown.includes("\u001b[32m✓\u001b[0m dns")).toBe(isColored);
  expect(shown.includes("\u001b")).toBe(isColored);
  child.terminal?.close();
});

describe("a command", () => {
  test.each([
    [["chekc"], 's3proxy: Unknown command "chekc", did you mean "check"?\n'],
    [
      ["serve", "--bucket", "site"],
      's3proxy: Unknown command "serve", wanted "check", "warm" or options alone\n',
    ],
    [["check", "--bucket", "site", "more"], 's3proxy: Unexpected argument "more"\n'],
    [["--bucket", "site", "--json"], 's3proxy: Unknown option "--json", try "--help"\n'],
    [["check"], "s3proxy: --bucket (or S3_BUCKET in the environment) is required\n"],
  ])("that can't be is refused: %p", async (args, stderr) => {
    expect(await runProxy(args)).toEqual({ exitCode: 2, stdout: "", stderr });
  });
});
