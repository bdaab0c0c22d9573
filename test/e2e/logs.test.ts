import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, PROTOCOLS } from "../support/client.ts";
import { logFileLine, logLines, parseLogLine } from "../support/log-files.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";

const AUTH_KEY = "bearer-token-of-this-test";
const TOKEN = "session-token-of-this-test";
const MONGO_PASSWORD = "mongo-password-of-this-test";
const CLEAR = "/_proxy/_private/_cache/clear";

const directory = mkdtempSync(join(tmpdir(), "s3proxy-logs-"));
let s3: MemoryS3;
let proxy: RunningProxy;

beforeAll(async () => {
  s3 = await startMemoryS3({ sessionToken: TOKEN });
  const secrets = ["--session-token", TOKEN, "--auth-key", AUTH_KEY];
  const mongo = ["--mongo-uri", `mongodb://user:${MONGO_PASSWORD}@127.0.0.1`];
  const args = [...secrets, ...mongo, "--log-level", "debug", "--dir", directory];
  proxy = await startProxy({ s3, threads: 2, args });
});
afterEach(() => s3.reset());
afterAll(async () => {
  await proxy?.stop();
  await s3?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const parsed = async (pattern: RegExp) => parseLogLine(await proxy.line(pattern));

describe("a line", () => {
  test("of a request says method, path, status, the cache's part and the duration", async () => {
    s3.put("page.html", "page");
    await ask(proxy.port, { path: "/page.html" });
    const { level, fields } = await parsed(/ Request .*\/page\.html/);
    expect(level).toBe("debug");
    expect(fields).toMatchObject({ method: "GET", path: "/page.html", status: "200" });
    expect(fields.cache).toStartWith("fwd=uri-miss; stored");
    expect(Number(fields.ms)).toBeGreaterThan(0);
  });

  test("of a fetch says key, result, bytes and duration", async () => {
    s3.put("fetched.txt", "12345");
    await ask(proxy.port, { path: "/fetched.txt" });
    const { level, fields } = await parsed(/ S3 fetch key=fetched\.txt/);
    expect(level).toBe("info");
    expect(fields).toMatchObject({ key: "fetched.txt", result: "object", bytes: "5" });
    expect(fields.ms).toMatch(/^\d+$/);
  });

  test.each([
    ["500", 500, "InternalError: We are sorry", 502],
    ["503", 503, "SlowDown: We are sorry", 503],
    ["403", 403, "InvalidAccessKeyId: We are sorry", 502],
  ])(
    "of a fetch that S3 answers %s says S3's code and message, key and duration",
    async (name, status, reason, answered) => {
      const key = `failing-${name}.txt`;
      const [code] = reason.split(":");
      s3.answer(key, status, {}, `<Error><Code>${code}</Code><Message>We are sorry</Message></Error>`);
      expect((await ask(proxy.port, { path: `/${key}` })).status).toBe(answered);
      const { level, fields } = await parsed(new RegExp(` S3 fetch failed .*key=${key}`));
      expect(level).toBe("warn");
      expect(fields.reason).toBe(reason);
      expect(fields.ms).toMatch(/^\d+$/);
    },
  );

  test("of a fetch that is cut off says so, with key and duration", async () => {
    s3.put("cut.txt", "0123456789");
    s3.cut("cut.txt", 5);
    await ask(proxy.port, { path: "/cut.txt" });
    const { level, fields } = await parsed(/ S3 fetch failed .*key=cut\.txt/);
    expect(level).toBe("warn");
    expect(fields).toMatchObject({ key: "cut.txt", code: "origin-cut", ms: expect.stringMatching(/^\d+$/) });
    expect(fields.reason).not.toBe("");
  });

  test("has the time of the event with milliseconds", async () => {
    const beforeMs = Date.now();
    await ask(proxy.port, { path: "/timed.txt" });
    const { time } = await parsed(/ Request .*\/timed\.txt/);
    expect(Date.parse(time)).toBeGreaterThanOrEqual(beforeMs);
    expect(Date.parse(time)).toBeLessThanOrEqual(Date.now());
  });
});

describe("no line can be forged", () => {
  const forged = "2026-01-31T12:34:56.789Z critical Forged";
  const keys = [
    `two\u2028${forged}`,
    `two\u2029${forged}`,
    `quote" result="object`,
    `back\\slash" ${forged}`,
    `name=value ms=1 ${forged}`,
  ];

  test.each(keys)("by the key %j", async (key) => {
    s3.put(key, "x");
    expect((await ask(proxy.port, { path: `/${encodeURIComponent(key)}` })).status).toBe(200);
    const lines = await allLines();
    const fields = lines.filter(({ message }) => message === "S3 fetch").map((line) => line.fields);
    expect(fields).toContainEqual(expect.objectContaining({ key, result: "object" }));
    expect(lines.filter(({ message }) => message.includes("Forged"))).toEqual([]);
  });

  test.each(["%0a", "%0d%0a", "%0A%0A", "%c2%85", "%e2%80%a8", "%1b[2K"])(
    "by the path %s, over HTTP/1.1 and HTTP/2",
    async (escaped) => {
      const path = `/forge${escaped}${encodeURIComponent(forged)}`;
      for (const protocol of PROTOCOLS) await ask(proxy.port, { protocol, path });
      const lines = await allLines();
      expect(lines.filter(({ message }) => message.includes("Forged"))).toEqual([]);
    },
  );

  test("by what S3 says", async () => {
    const message = `First\n${forged}\r\n${forged}`;
    s3.answer(
      "said.txt",
      500,
      {},
      `<Error><Code>Internal\nError</Code><Message>${message}</Message></Error>`,
    );
    await ask(proxy.port, { path: "/said.txt" });
    const lines = await allLines();
    expect(lines.filter((line) => line.message.includes("Forged"))).toEqual([]);
    const { reason } = lines.findLast(({ fields }) => fields.key === "said.txt")!.fields;
    expect(reason).toContain("Forged");
  });

  /** All lines up to one of a request that is made now. Throws where one of them isn't whole. */
  async function allLines() {
    const name = `sentinel-${crypto.randomUUID()}`;
    await ask(proxy.port, { path: `/${name}` });
    await logFileLine(directory, new RegExp(` Request .*/${name}`));
    return logLines(directory).map(parseLogLine);
  }
});

describe("at debug level, whatever happens, no output holds", () => {
  let outputs: string;
  let signatures: string[];

  beforeAll(async () => {
    for (const code of ["InvalidAccessKeyId", "SignatureDoesNotMatch", "InternalError"]) {
      s3.fail(`${code}.txt`, code === "InternalError" ? 500 : 403, code);
      await ask(proxy.port, { path: `/${code}.txt` });
    }
    s3.put("cut-secret.txt", "0123456789");
    s3.cut("cut-secret.txt", 5);
    await ask(proxy.port, { path: "/cut-secret.txt" });
    for (const token of [AUTH_KEY, "wrong-bearer-of-this-test"]) {
      const headers = { Authorization: `Bearer ${token}` };
      await ask(proxy.port, { method: "DELETE", path: CLEAR, headers });
    }
    const presigned =
      "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAPRESIGNED&X-Amz-Signature=c0ffee";
    await ask(proxy.port, { path: `/presigned.txt?${presigned}` });
    await ask(proxy.port, { path: "/last.txt" });
    await logFileLine(directory, / Request .*\/last\.txt/);
    outputs = [proxy.stdout(), proxy.stderr(), ...logLines(directory)].join("\n");
    signatures = s3.requests.map(({ headers }) => headers.authorization ?? "");
  });

  test.each([
    ["the secret key", () => [s3.secretAccessKey, encodeURIComponent(s3.secretAccessKey)]],
    ["the session token", () => [TOKEN]],
    ["the bearer token, right or wrong", () => [AUTH_KEY, "wrong-bearer-of-this-test", "Bearer "]],
    ["the MongoDB password", () => [MONGO_PASSWORD]],
    ["a signature", () => signatures.map((it) => /Signature=(\w+)/.exec(it)?.[1] ?? "no signature")],
    ["an Authorization header", () => ["Authorization", "authorization", "SignedHeaders=", ...signatures]],
    ["S3's error document", () => ["AKIAMUSTNOTLEAK", "SignatureMustNotLeak", "<Error>", "<Code>"]],
    [
      "a presigned URL that a client sent",
      () => ["X-Amz-Signature", "X-Amz-Credential", "AKIAPRESIGNED", "c0ffee"],
    ],
  ] as const)("%s", (_name, secretsOf) => {
    expect(signatures.length).toBeGreaterThan(3);
    const found = secretsOf().filter((secret) => outputs.includes(secret));
    expect(found).toEqual([]);
  });
});
