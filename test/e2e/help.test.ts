import { beforeAll, describe, expect, test } from "bun:test";
import { type Ended, runProxy } from "../support/proxy.ts";

/** Set in the environment of every run here; none of it may be printed. */
const SECRETS = {
  AWS_KEY: "key-in-the-environment",
  AWS_SECRET: "secret-in-the-environment",
  AWS_SESSION_TOKEN: "token-in-the-environment",
  AUTH_KEY: "bearer-in-the-environment",
  MONGO_URI: "mongodb://user:password-in-the-environment@db.internal",
  REDIS_URL: "redis://user:password-in-the-environment@redis.internal",
};

/** Every row of the table: flag, short flag, environment variable, what is said of the default. */
const ROWS: readonly (readonly [flag: string, short: string, environment: string, byDefault: string])[] = [
  ["bucket", "b", "S3_BUCKET", "required"],
  ["region", "r", "AWS_REGION", "default us-east-1"],
  ["key", "k", "AWS_KEY", "default the AWS default chain"],
  ["secret", "s", "AWS_SECRET", "default the AWS default chain"],
  ["session-token", "", "AWS_SESSION_TOKEN", ""],
  ["no-sign", "", "", ""],
  ["endpoint", "", "S3_ENDPOINT", "default AWS"],
  ["virtual-host", "", "", ""],
  ["prefix", "", "S3_PREFIX", ""],
  ["auth-key", "a", "AUTH_KEY", ""],
  ["port", "p", "PORT", "default 8000"],
  ["host", "", "HOST", "default all interfaces, IPv4 and IPv6"],
  ["threads", "n", "THREADS", "default number of CPUs the process may use"],
  ["max-connections", "", "MAX_CONNECTIONS", "default 10000"],
  ["tls-cert", "", "TLS_CERT", ""],
  ["tls-key", "", "TLS_KEY", ""],
  ["tls-redirect-port", "", "TLS_REDIRECT_PORT", ""],
  ["tls-public-port", "", "TLS_PUBLIC_PORT", "default that of --port"],
  ["http3", "", "HTTP3", ""],
  ["ttl", "t", "TTL", "default 300"],
  ["negative-ttl", "", "NEGATIVE_TTL", "default the smaller of --ttl and 60"],
  ["force-ttl", "", "FORCE_TTL", ""],
  ["stale-while-revalidate", "", "STALE_WHILE_REVALIDATE", "default 60"],
  ["stale-if-error", "", "STALE_IF_ERROR", "default 86400"],
  ["origin-timeout", "", "ORIGIN_TIMEOUT", "default 30"],
  ["cache-dir", "d", "CACHE_DIR", "default s3proxy-<uid> in the temporary directory"],
  ["cache-size", "", "CACHE_SIZE", "default 10GiB"],
  ["max-object-size", "", "MAX_OBJECT_SIZE", "default 5GiB"],
  ["memory-size", "", "MEMORY_SIZE", "default 256MiB"],
  ["admin-port", "", "ADMIN_PORT", ""],
  ["redis-url", "", "REDIS_URL", ""],
  ["redis-cache", "", "REDIS_CACHE", ""],
  [
    "trusted-proxies",
    "",
    "TRUSTED_PROXIES",
    "default 127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,169.254.0.0/16,::1/128,fc00::/7,fe80::/10",
  ],
  ["index-document", "", "INDEX_DOCUMENT", "default index.html"],
  ["error-document", "", "ERROR_DOCUMENT", "default a page of its own"],
  ["precompressed", "", "PRECOMPRESSED", ""],
  ["website-config", "", "WEBSITE_CONFIG", ""],
  ["spa", "", "SPA", ""],
  ["listing", "", "LISTING", ""],
  ["reject-query-strings", "j", "REJECT_QUERY_STRINGS", ""],
  ["headers", "", "HEADERS_FILE", ""],
  ["console", "c", "CONSOLE", ""],
  ["log-level", "l", "LOG_LEVEL", "default info"],
  ["dir", "o", "LOG_DIR", "default logs/"],
  ["access-log", "", "ACCESS_LOG", "default off"],
  ["mmdb-host", "m", "MMDB_HOST", ""],
  ["mmdb-port", "x", "MMDB_PORT", "default 2010"],
  ["mmdb-file", "", "MMDB_FILE", ""],
  ["anonymize-ip", "", "ANONYMIZE_IP", ""],
  ["spool-dir", "", "SPOOL_DIR", "default spool in the cache directory"],
  ["spool-size", "", "SPOOL_SIZE", "default 256MiB"],
  ["visit-summary", "", "VISIT_SUMMARY", ""],
  ["ilp-host", "y", "ILP_HOST", ""],
  ["ilp-port", "z", "ILP_PORT", "default 9009"],
  ["ilp-series-name", "e", "ILP_SERIES_NAME", "default request"],
  ["mongo-uri", "f", "MONGO_URI", ""],
  ["mongo-database", "g", "MONGO_DATABASE", "default metrics"],
  ["mongo-collection", "i", "MONGO_COLLECTION", "default request"],
  ["config", "", "CONFIG_FILE", ""],
  ["takeover", "", "TAKEOVER", ""],
  ["help", "h", "", ""],
  ["version", "", "", ""],
];

/** Every command, and its own options. */
const OPTIONS_OF: Readonly<Record<string, readonly string[]>> = {
  check: ["--json"],
  warm: ["--from", "--under", "--concurrency"],
};
const COMMANDS = Object.keys(OPTIONS_OF);

describe("--help", () => {
  let help: Ended;
  let rows: string[];

  beforeAll(async () => {
    help = await runProxy(["--help"], SECRETS);
    rows = help.stdout.split("\n").filter((line) => /^ {2}\S| {6}\S/.test(line));
  });

  test("prints to stdout and exits 0", () => {
    expect(help.stdout).toStartWith("Usage: s3proxy ");
    expect(help.stderr).toBe("");
    expect(help.exitCode).toBe(0);
  });

  test.each(ROWS)("shows --%s with its short flag, its environment variable and its default", (...row) => {
    const [flag, short, environment, byDefault] = row;
    const [line = "", ...others] = rows.filter((each) => each.slice(6).split(/\s/)[0] === `--${flag}`);
    expect(others).toEqual([]);
    expect(line.slice(0, 6)).toBe(short === "" ? "      " : `  -${short}, `);
    const notes = [environment, byDefault].filter((note) => note !== "").join(", ");
    expect(/\S(?: \[([^[\]]+)\])?$/.exec(line)?.[1] ?? "").toBe(notes);
  });

  test("shows ALLOWED_ORIGINS, which only the environment has", () => {
    const [line = ""] = rows.filter((each) => each.includes("ALLOWED_ORIGINS"));
    expect(line).toContain("JSON array of origins");
    expect(line).toContain("[default []]");
  });

  test.each(COMMANDS)("shows the command %s", (command) => {
    expect(rows.filter((line) => line.startsWith(`  ${command} `))).toHaveLength(1);
  });

  test("has no rows beside these", () => {
    expect(rows.length).toBe(ROWS.length + 1 + COMMANDS.length);
  });

  test.each(Object.entries(SECRETS))("doesn't show the value of %s", (_name, value) => {
    expect(help.stdout).not.toContain(value);
  });

  test("is printed for -h too, whatever else is wrong with the environment", async () => {
    const short = await runProxy(["-h"], { PORT: "none", ALLOWED_ORIGINS: "{" });
    expect(short).toEqual(help);
  });
});

describe.each(COMMANDS)("%s --help", (command) => {
  test("shows its own options and those of serving, and exits 0", async () => {
    const { exitCode, stdout } = await runProxy([command, "--help"], { ...SECRETS, PORT: "none" });
    expect([exitCode, stdout.split("\n")[0]]).toEqual([
      0,
      `Usage: s3proxy ${command} --bucket <name> [options]`,
    ]);
    const own = stdout.slice(stdout.indexOf(`Options of ${command}:`), stdout.indexOf("\nBucket:"));
    expect([...own.matchAll(/^ {6}(--[a-z-]+)/gm)].map(([, flag]) => flag)).toEqual([
      ...(OPTIONS_OF[command] ?? []),
    ]);
    for (const [flag] of ROWS) expect(stdout).toMatch(new RegExp(` --${flag}[ \n]`));
  });
});

test("--version prints the name and the package's version, and exits 0", async () => {
  const { version } = (await Bun.file(`${import.meta.dir}/../../package.json`).json()) as { version: string };
  const printed = await runProxy(["--version"], SECRETS);
  expect(printed).toEqual({ exitCode: 0, stdout: `s3proxy ${version}\n`, stderr: "" });
});
