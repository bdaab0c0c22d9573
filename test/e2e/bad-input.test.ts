import { describe, expect, test } from "bun:test";
import { runProxy } from "../support/proxy.ts";

/** A flag that holds its value, or an environment variable. */
interface BadInput {
  readonly flag?: string;
  readonly environment?: string;
  readonly value: string;
  readonly wanted: string;
}

const PORT_WANTED = "a whole number from 1 to 65535";
const SECONDS_WANTED = "a whole number from 0 to 315360000";
const SIZE_WANTED = 'a size such as "512MiB", "20GB" or plain bytes';
const HOST_WANTED = "a host name or an IP address";
const TEXT_WANTED = "a text that is not empty";
const LEVEL_WANTED = 'one of "critical", "warn", "info", "debug"';
const BOOLEAN_WANTED = '"true" or "false"';
const ENDPOINT_WANTED = 'a URL such as "https://minio.internal:9000", without path, query or credentials';
const PREFIX_WANTED = 'a key prefix such as "site/", without "." or ".." segments';
const STRINGS_WANTED = "a JSON array of strings";

const BAD_INPUT: readonly BadInput[] = [
  { flag: "--bucket", environment: "S3_BUCKET", value: "a/b", wanted: "a bucket name" },
  { flag: "-b", value: "..", wanted: "a bucket name" },
  { flag: "--region", environment: "AWS_REGION", value: "eu west", wanted: "a region" },
  { flag: "-r", value: "x.evil.example/", wanted: "a region" },
  { flag: "--endpoint", environment: "S3_ENDPOINT", value: "minio:9000", wanted: ENDPOINT_WANTED },
  { flag: "--endpoint", value: "http://minio/path", wanted: ENDPOINT_WANTED },
  { flag: "--prefix", environment: "S3_PREFIX", value: "a/../b", wanted: PREFIX_WANTED },
  { flag: "--port", environment: "PORT", value: "65536", wanted: "a whole number from 0 to 65535" },
  { flag: "-p", value: "80a", wanted: "a whole number from 0 to 65535" },
  { flag: "--port", value: "-1", wanted: "a whole number from 0 to 65535" },
  { flag: "--host", environment: "HOST", value: "a b", wanted: HOST_WANTED },
  { flag: "--threads", environment: "THREADS", value: "0", wanted: "a whole number from 1 to 256" },
  { flag: "-n", value: "257", wanted: "a whole number from 1 to 256" },
  {
    flag: "--max-connections",
    environment: "MAX_CONNECTIONS",
    value: "0",
    wanted: "a whole number from 1 to 1000000",
  },
  { flag: "--ttl", environment: "TTL", value: "5m", wanted: SECONDS_WANTED },
  { flag: "-t", value: "1.5", wanted: SECONDS_WANTED },
  { flag: "--negative-ttl", environment: "NEGATIVE_TTL", value: "-1", wanted: SECONDS_WANTED },
  { flag: "--cache-size", environment: "CACHE_SIZE", value: "10 apples", wanted: SIZE_WANTED },
  { flag: "--memory-size", environment: "MEMORY_SIZE", value: "GiB", wanted: SIZE_WANTED },
  {
    flag: "--reject-query-strings",
    environment: "REJECT_QUERY_STRINGS",
    value: "yes",
    wanted: BOOLEAN_WANTED,
  },
  { flag: "--console", environment: "CONSOLE", value: "1", wanted: BOOLEAN_WANTED },
  { flag: "--no-sign", value: "TRUE", wanted: BOOLEAN_WANTED },
  { flag: "--log-level", environment: "LOG_LEVEL", value: "verbose", wanted: LEVEL_WANTED },
  { flag: "-l", value: "INFO", wanted: LEVEL_WANTED },
  { flag: "--mmdb-host", environment: "MMDB_HOST", value: "a b", wanted: HOST_WANTED },
  { flag: "-m", value: "a/b", wanted: HOST_WANTED },
  { flag: "--mmdb-port", environment: "MMDB_PORT", value: "0", wanted: PORT_WANTED },
  { flag: "-x", value: "65536", wanted: PORT_WANTED },
  { flag: "--ilp-host", environment: "ILP_HOST", value: "a b", wanted: HOST_WANTED },
  { flag: "-y", value: "a/b", wanted: HOST_WANTED },
  { flag: "--ilp-port", environment: "ILP_PORT", value: "none", wanted: PORT_WANTED },
  { flag: "-z", value: "0", wanted: PORT_WANTED },
  { environment: "ALLOWED_ORIGINS", value: "https://a.example", wanted: STRINGS_WANTED },
  { environment: "ALLOWED_ORIGINS", value: '"https://a.example"', wanted: STRINGS_WANTED },
  { environment: "ALLOWED_ORIGINS", value: "[1]", wanted: STRINGS_WANTED },
  { environment: "ALLOWED_ORIGINS", value: '["https://a.example",null]', wanted: STRINGS_WANTED },
  { environment: "ALLOWED_ORIGINS", value: '{"0":"*"}', wanted: STRINGS_WANTED },
  { environment: "ALLOWED_ORIGINS", value: '["https://a.example/path"]', wanted: "a JSON array of origins" },
];

const byFlag = BAD_INPUT.flatMap(({ flag, value, wanted }) =>
  flag === undefined ? [] : [[flag, value, wanted] as const],
);
const byEnvironment = BAD_INPUT.flatMap(({ environment, value, wanted }) =>
  environment === undefined ? [] : [[environment, value, wanted] as const],
);

/** Runs the program and expects that it refuses to start with one line; returns that line without its prefix. */
async function refusal(args: readonly string[], environment: Record<string, string> = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await runProxy(args, environment);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^s3proxy: [^\n]+\n$/);
  expect(exitCode).toBe(2);
  return stderr.slice("s3proxy: ".length, -1);
}

describe("one line on stderr names the option, the value and what was wanted, with exit code 2", () => {
  test.each(byFlag)("for %s %s", async (flag, value, wanted) => {
    // Of a short flag the value follows at once or as the next argument; one that begins with a dash needs "=".
    const args = value.startsWith("-") ? [`${flag}=${value}`] : [flag, value];
    const line = await refusal(["--bucket", "some-bucket", ...args]);
    expect(line).toStartWith(`${flag}: "${value}" is not valid, wanted ${wanted}`);
  });

  test.each(byEnvironment)("for %s=%s in the environment", async (name, value, wanted) => {
    const line = await refusal([], { S3_BUCKET: "some-bucket", [name]: value });
    expect(line).toStartWith(`${name}: "${value}" is not valid, wanted ${wanted}`);
  });

  test.each([
    ["--prot", '"--prot"', '"--port"'],
    ["--buckt=site", '"--buckt"', '"--bucket"'],
    ["--memory", '"--memory"', '"--memory-size"'],
    ["--aws-bogus-thing", '"--aws-bogus-thing"', '"--help"'],
    ["-q", '"-q"', '"--help"'],
  ])("for the unknown flag %s, with the nearest name where one is near", async (flag, named, hint) => {
    const line = await refusal(["--bucket", "some-bucket", flag]);
    expect(line).toStartWith(`Unknown option ${named}, `);
    expect(line).toContain(hint);
  });

  test("for an unknown flag that holds a value, without the value", async () => {
    const line = await refusal(["--bucket", "some-bucket", "--secrett=hunter2"]);
    expect(line).toBe('Unknown option "--secrett", did you mean "--secret"?');
  });

  test("for a value that holds a new line, on one line still", async () => {
    const line = await refusal(["--bucket", "some-bucket", "--host", "a\nb"]);
    expect(line).toStartWith('--host: "a\\x0ab" is not valid');
  });

  test("for an argument that belongs to no flag", async () => {
    expect(await refusal(["--bucket", "some-bucket", "stray"])).toContain('"stray"');
  });

  test.each(["--port", "--mmdb-port", "--ilp-series-name", "-g", "-i"])(
    "for %s without a value",
    async (flag) => {
      expect(await refusal(["--bucket", "some-bucket", flag])).toStartWith(`${flag} needs a value: a`);
    },
  );

  test.each(["--ilp-series-name", "--mongo-database", "--mongo-collection", "--dir", "--cache-dir"])(
    "for %s with an empty value",
    async (flag) => {
      const line = await refusal(["--bucket", "some-bucket", `${flag}=`]);
      expect(line).toBe(`${flag}: "" is not valid, wanted ${TEXT_WANTED}`);
    },
  );

  test("for a missing bucket, with both ways to name it", async () => {
    expect(await refusal([])).toBe("--bucket (or S3_BUCKET in the environment) is required");
  });

  test("for a key without a secret, and the other way round", async () => {
    const key = await refusal(["--bucket", "some-bucket", "--key", "AKIALONELY"]);
    expect(key).toMatch(/^--key .* without --secret .*wanted both or neither$/);
    const secret = await refusal(["--bucket", "some-bucket"], { AWS_SECRET: "lonely-secret" });
    expect(secret).toMatch(/^--secret .* without --key .*wanted both or neither$/);
    expect(secret).not.toContain("lonely-secret");
  });

  test("for --virtual-host without --endpoint", async () => {
    const line = await refusal(["--bucket", "some-bucket", "--virtual-host"]);
    expect(line).toBe("--virtual-host is given without --endpoint, wanted both");
  });
});

describe("a secret of the wrong form is named but not shown", () => {
  const rows = [
    ["--auth-key", "AUTH_KEY", "a bearer with spaces", "visible ASCII characters"],
    ["--mongo-uri", "MONGO_URI", "postgres://user:hidden-password@db", '"mongodb://"'],
  ] as const;

  test.each(rows)("for %s", async (flag, name, value, wanted) => {
    for (const [spelled, line] of [
      [flag, await refusal(["--bucket", "some-bucket", flag, value])],
      [name, await refusal(["--bucket", "some-bucket"], { [name]: value })],
    ] as const) {
      expect(line).toStartWith(`${spelled}: `);
      expect(line).toContain(`wanted `);
      expect(line).toContain(wanted);
      expect(line).not.toContain(value);
    }
  });

  test.each(["--secret", "--session-token", "--auth-key", "--mongo-uri"])(
    "for %s without a value, whatever follows",
    async (flag) => {
      const line = await refusal(["--bucket", "some-bucket", flag]);
      expect(line).toStartWith(`${flag} needs a value`);
    },
  );
});
