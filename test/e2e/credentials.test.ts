import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask } from "../support/client.ts";
import { type InstalledPackage, installPackage } from "../support/installed.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { runProxy, startProxy } from "../support/proxy.ts";

const TOKEN = "session-token-of-this-test";
/** No machine's own credentials: no home, no metadata service. */
const folder = mkdtempSync(join(tmpdir(), "s3proxy-credentials-"));
const NOTHING = { HOME: folder, AWS_EC2_METADATA_DISABLED: "true" };
const credentialsFile = join(folder, "credentials");

let s3: MemoryS3;
let tokenS3: MemoryS3;

beforeAll(async () => {
  [s3, tokenS3] = await Promise.all([startMemoryS3(), startMemoryS3({ sessionToken: TOKEN })]);
  for (const each of [s3, tokenS3]) each.put("index.html", "home");
  const { accessKeyId, secretAccessKey } = s3;
  writeFileSync(
    credentialsFile,
    `[default]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = other\n
[website]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n
[temporary]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\naws_session_token = ${TOKEN}\n`,
  );
});
afterEach(() => {
  for (const each of [s3, tokenS3]) each.clearPrograms();
});
afterAll(async () => {
  await Promise.all([s3?.stop(), tokenS3?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

/** The flags that say where the bucket is and nothing about who may read it. */
function place({ bucket, region, endpoint }: MemoryS3): string[] {
  return ["--bucket", bucket, "--region", region, "--endpoint", endpoint];
}

/** Starts, asks for the home page, stops; returns what it was. Rejects where the program doesn't start. */
async function homePage(args: readonly string[], environment: Record<string, string>): Promise<string> {
  const proxy = await startProxy({ args, environment: { ...NOTHING, ...environment } });
  const { text } = await ask(proxy.port, { path: "/" });
  await proxy.stop();
  return text;
}

function keysOf({ accessKeyId, secretAccessKey }: MemoryS3): string[] {
  return ["--key", accessKeyId, "--secret", secretAccessKey];
}

describe("the AWS default chain is used where no key is given", () => {
  test("with the variables AWS tools use", async () => {
    const variables = { AWS_ACCESS_KEY_ID: s3.accessKeyId, AWS_SECRET_ACCESS_KEY: s3.secretAccessKey };
    expect(await homePage(place(s3), variables)).toBe("home");
    expect(await homePage(place(tokenS3), { ...variables, AWS_SESSION_TOKEN: TOKEN })).toBe("home");
  });

  test("with a profile of a shared credentials file", async () => {
    const file = { AWS_SHARED_CREDENTIALS_FILE: credentialsFile };
    expect(await homePage(place(s3), { ...file, AWS_PROFILE: "website" })).toBe("home");
    expect(await homePage(place(tokenS3), { ...file, AWS_PROFILE: "temporary" })).toBe("home");
  });

  test("with a profile, a session token that isn't the profile's is not sent", async () => {
    const environment = {
      AWS_SHARED_CREDENTIALS_FILE: credentialsFile,
      AWS_PROFILE: "website",
      AWS_SESSION_TOKEN: "token-of-something-else",
    };
    expect(await homePage(place(s3), environment)).toBe("home");
  });

  test("and where it finds nothing one line says what can be given, with exit code 1", async () => {
    const environment = { ...NOTHING, AWS_SESSION_TOKEN: "token-without-key" };
    const flags = ["--port", "0", "--dir", folder, "--cache-dir", join(folder, "cache")];
    const { exitCode, stdout, stderr } = await runProxy([...place(s3), ...flags], environment);
    expect(stderr).toMatch(/^s3proxy: No credentials: [^\n]+\n$/);
    for (const way of ["--key", "--secret", "AWS default chain", "--no-sign"]) expect(stderr).toContain(way);
    expect(stderr).not.toContain("token-without-key");
    expect([exitCode, stdout]).toEqual([1, ""]);
  });

  test("and --key goes before it", async () => {
    const others = { AWS_ACCESS_KEY_ID: "AKIAOTHER", AWS_SECRET_ACCESS_KEY: "other" };
    expect(await homePage([...place(s3), ...keysOf(s3)], others)).toBe("home");
  });
});

describe("the session token", () => {
  test("given as a flag or in the environment goes with the key", async () => {
    const args = [...place(tokenS3), ...keysOf(tokenS3)];
    expect(await homePage([...args, "--session-token", TOKEN], {})).toBe("home");
    expect(await homePage(args, { AWS_SESSION_TOKEN: TOKEN })).toBe("home");
  });

  test("that S3 doesn't know ends the start, and is not shown", async () => {
    const args = [...place(tokenS3), ...keysOf(tokenS3), "--session-token", "wrong-token-of-this-test"];
    const started = homePage(args, {});
    await expect(started).rejects.toThrow("S3 does not accept the credentials (S3 says InvalidToken");
    await expect(started).rejects.not.toThrow("wrong-token-of-this-test");
  });
});

test("--no-sign sends neither signature nor token, whatever credentials there are", async () => {
  const open = await startMemoryS3({ public: true });
  open.put("index.html", "public");
  const environment = {
    AWS_ACCESS_KEY_ID: "AKIAOTHER",
    AWS_SECRET_ACCESS_KEY: "other",
    AWS_SESSION_TOKEN: "t",
  };
  expect(await homePage([...place(open), "--no-sign"], environment)).toBe("public");
  expect(open.countOf("*")).toBe(2);
  for (const { headers } of open.requests) {
    const names = Object.keys(headers).filter((name) => /^(authorization|x-amz-.*)$/.test(name));
    expect(names).toEqual([]);
  }
  await open.stop();
});

describe("the library behind the chain", () => {
  let installed: InstalledPackage;
  beforeAll(() => {
    installed = installPackage();
    installed.addFile("@aws-sdk/credential-providers/package.json", '{"type":"module","main":"index.js"}');
    installed.addFile("@aws-sdk/credential-providers/index.js", 'throw new Error("The library was loaded")');
  });
  afterAll(() => installed?.remove());

  const start = (args: readonly string[]) =>
    startProxy({ args, environment: NOTHING, command: [process.execPath, installed.main] });

  test.each([1, 2])("isn't loaded where a key is given, with --threads %p", async (threads) => {
    const proxy = await start([...place(s3), ...keysOf(s3), "--threads", String(threads)]);
    expect((await ask(proxy.port, { path: "/" })).text).toBe("home");
    await proxy.stop();
  });

  test("isn't loaded with --no-sign", async () => {
    await (await start([...place(s3), "--no-sign"])).stop();
  });

  test("is loaded where the chain is needed", async () => {
    await expect(start(place(s3))).rejects.toThrow("The library was loaded");
  });
});
