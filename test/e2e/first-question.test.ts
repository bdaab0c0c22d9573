import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask } from "../support/client.ts";
import { type Gate, startGate } from "../support/gate.ts";
import { LEAK_MARKERS, type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { bucketFlags, runProxy, startProxy } from "../support/proxy.ts";

const folder = mkdtempSync(join(tmpdir(), "s3proxy-first-"));
let s3: MemoryS3;

beforeAll(async () => {
  s3 = await startMemoryS3({ region: "eu-west-1" });
});
afterEach(() => s3.reset());
afterAll(async () => {
  await s3?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("S3 answers at the start that something is wrong: one line, exit code 1", () => {
  const refused = async (changed: Partial<MemoryS3>) => {
    const flags = ["--port", "0", "--console", "--dir", folder, "--cache-dir", join(folder, "unused")];
    const { exitCode, stdout, stderr } = await runProxy([...bucketFlags({ ...s3, ...changed }), ...flags]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^s3proxy: [^\n]+\n$/);
    expect(stdout).not.toContain("Listening");
    for (const secret of [
      s3.secretAccessKey,
      changed.secretAccessKey ?? s3.secretAccessKey,
      ...LEAK_MARKERS,
    ]) {
      expect(stdout + stderr).not.toContain(secret);
    }
    return stderr;
  };

  test("the bucket doesn't exist", async () => {
    const line = await refused({ bucket: "no-such-bucket" });
    expect(line).toContain('Bucket "no-such-bucket" does not exist');
    expect(line).toContain("NoSuchBucket: The specified bucket does not exist");
  });

  test("the access key is unknown", async () => {
    const line = await refused({ accessKeyId: "AKIAUNKNOWN" });
    expect(line).toContain("S3 does not accept the credentials");
    expect(line).toContain("InvalidAccessKeyId: The AWS Access Key Id you provided does not exist");
  });

  test("the secret is wrong", async () => {
    const line = await refused({ secretAccessKey: "wrong-secret-of-this-test" });
    expect(line).toContain("S3 does not accept the credentials");
    expect(line).toContain("SignatureDoesNotMatch");
  });

  test("the region is wrong: the right one is named", async () => {
    const line = await refused({ region: "us-east-1" });
    expect(line).toContain('Bucket "test-bucket" is in region "eu-west-1", not "us-east-1"');
    expect(line).toContain("--region eu-west-1");
  });

  test("the bucket is elsewhere (301): the right region is named", async () => {
    s3.regionRedirect = "ap-south-1";
    const line = await refused({});
    expect(line).toContain('Bucket "test-bucket" is in region "ap-south-1", not "eu-west-1"');
    expect(line).toContain("--region ap-south-1");
  });

  test("the bucket is elsewhere, and only a header names the region", async () => {
    s3.answer("*", 301, { "x-amz-bucket-region": "sa-east-1" });
    s3.regionRedirect = undefined;
    expect(await refused({})).toContain("--region sa-east-1");
  });

  test.each(["AccountProblem", "AllAccessDisabled", "InvalidToken", "ExpiredToken"])(
    "the account is refused with %s",
    async (code) => {
      s3.answer("*", 403, {}, `<Error><Code>${code}</Code><Message>So it is</Message></Error>`);
      expect(await refused({})).toContain(`S3 does not accept the credentials (S3 says ${code}: So it is)`);
    },
  );
});

describe("S3 fails at the start: a warning, and what the cache has is served", () => {
  const cacheDir = join(folder, "warm");
  let gate: Gate;
  const throughGate = () => ({ ...s3, endpoint: gate.endpoint });

  beforeAll(async () => {
    gate = await startGate(s3.endpoint);
    s3.put("index.html", "warm");
    s3.put("large.bin", Buffer.alloc(200_000, "x"));
    const proxy = await startProxy({ s3: throughGate(), cacheDir });
    for (const path of ["/", "/large.bin"]) expect((await ask(proxy.port, { path })).status).toBe(200);
    await proxy.stop();
  });
  afterAll(async () => {
    await gate?.stop();
  });

  const troubles: readonly (readonly [string, () => unknown, number, string])[] = [
    ["500 InternalError", () => s3.fail("*", 500, "InternalError"), 502, "InternalError"],
    ["503 SlowDown", () => s3.fail("*", 503, "SlowDown"), 503, "SlowDown"],
    ["503 without a document", () => s3.answer("*", 503, {}), 503, "HTTP 503"],
    [
      "a clock that is an hour off",
      () => {
        s3.clockOffsetMs = 3_600_000;
      },
      502,
      "RequestTimeTooSkewed",
    ],
    ["a closed connection", () => s3.closeBeforeHeaders("*"), 502, ""],
    ["nobody who listens", () => gate.refuse(true), 502, "ECONNREFUSED"],
  ];

  test.each(troubles)("%s", async (_name, cause, status, reason) => {
    await cause();
    const proxy = await startProxy({ s3: throughGate(), cacheDir });
    const warning = await proxy.line(/ warn .*S3 fails/);
    expect(warning).toContain(reason);
    const page = await ask(proxy.port, { path: "/" });
    expect([page.status, page.text]).toEqual([200, "warm"]);
    expect((await ask(proxy.port, { path: "/large.bin" })).body.length).toBe(200_000);
    expect((await ask(proxy.port, { path: "/not-in-the-cache" })).status).toBe(status);
    expect((await proxy.stop()).exitCode).toBe(0);
    await gate.refuse(false);
  });

  test("what failed at the start is served once it doesn't", async () => {
    await gate.refuse(true);
    const proxy = await startProxy({ s3: throughGate() });
    await gate.refuse(false);
    s3.put("later.txt", "later");
    expect((await ask(proxy.port, { path: "/later.txt" })).text).toBe("later");
    await proxy.stop();
  });
});

describe("a bucket without the right to list it", () => {
  test("is served after a warning with the hint, and a missing key is 404 with the hint in the log", async () => {
    const unlisted = await startMemoryS3({ listable: false });
    unlisted.put("there.txt", "there");
    const proxy = await startProxy({ s3: unlisted });
    expect(await proxy.line(/ warn .*s3:ListBucket/)).toContain("bucket=test-bucket");
    expect((await ask(proxy.port, { path: "/there.txt" })).text).toBe("there");
    expect((await ask(proxy.port, { path: "/not-there.txt" })).status).toBe(404);
    expect(await proxy.line(/ S3 fetch key=not-there\.txt /)).toMatch(/ hint=".*AccessDenied.*"/);
    await proxy.stop();
    await unlisted.stop();
  });

  test("isn't hinted at where the right is there", async () => {
    const proxy = await startProxy({ s3 });
    expect((await ask(proxy.port, { path: "/not-there.txt" })).status).toBe(404);
    await proxy.line(/ S3 fetch key=not-there\.txt /);
    const { stdout } = await proxy.stop();
    expect(stdout).not.toMatch(/ListBucket|hint=| warn /);
  });
});
