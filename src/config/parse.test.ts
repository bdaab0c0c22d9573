import { describe, expect, test } from "bun:test";
import { type Option, type OptionName, options } from "./options.ts";
import { parseOptions } from "./parse.ts";
import { UsageError } from "./usage-error.ts";

const REQUIRED = ["--bucket", "site"];

function messageOf(args: readonly string[], environment: Record<string, string> = {}): string {
  try {
    parseOptions(args, environment);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error(`Nothing was refused in ${JSON.stringify(args)}`);
}

/** Stands for every configuration file. */
const emptyFile = () => ({ text: "", isReadableByOthers: false });

/** The issue's table, written out again: what the flag, the short flag and the variable are called, and two values. */
type Row = readonly [
  name: OptionName,
  flag: string | undefined,
  short: string | undefined,
  environment: string | undefined,
  fallback: unknown,
  samples: readonly (readonly [string, unknown])[],
];
const numbers = [
  ["11", 11],
  ["12", 12],
] as const;
const words = [
  ["word", "word"],
  ["other", "other"],
] as const;
const files = [
  ["a.toml", "a.toml"],
  ["b.yaml", "b.yaml"],
] as const;
const truths = [
  ["true", true],
  ["false", false],
] as const;
const sizes = [
  ["512MiB", 512 * 2 ** 20],
  ["20GB", 20e9],
] as const;
const redisServers = [
  ["redis://a", ["redis://a"]],
  ["rediss://b:1, redis://c", ["rediss://b:1", "redis://c"]],
] as const;
const uris = [
  ["mongodb://a", "mongodb://a"],
  ["mongodb://b", "mongodb://b"],
] as const;
const addresses = [
  ["http://a:1", "http://a:1"],
  ["https://b", "https://b"],
] as const;
const prefixes = [
  ["a", "a/"],
  ["b/c/", "b/c/"],
] as const;
const levels = [
  ["debug", "debug"],
  ["critical", "critical"],
] as const;
const networkLists = [
  ["10.0.0.0/8,::1", ["10.0.0.0/8", "::1/128"]],
  ["none", []],
] as const;
const lists = [
  ['["*"]', ["*"]],
  ['["https://a"]', ["https://a"]],
] as const;

const accessLogs = [
  ["combined", "combined"],
  ["json", "json"],
] as const;

const table: readonly Row[] = [
  ["bucket", "bucket", "b", "S3_BUCKET", undefined, words],
  ["region", "region", "r", "AWS_REGION", "us-east-1", words],
  ["key", "key", "k", "AWS_KEY", undefined, words],
  ["secret", "secret", "s", "AWS_SECRET", undefined, words],
  ["sessionToken", "session-token", undefined, "AWS_SESSION_TOKEN", undefined, words],
  ["noSign", "no-sign", undefined, undefined, false, truths],
  ["endpoint", "endpoint", undefined, "S3_ENDPOINT", undefined, addresses],
  ["virtualHost", "virtual-host", undefined, undefined, false, truths],
  ["prefix", "prefix", undefined, "S3_PREFIX", undefined, prefixes],
  ["authKey", "auth-key", "a", "AUTH_KEY", undefined, words],
  ["port", "port", "p", "PORT", 8000, numbers],
  ["host", "host", undefined, "HOST", undefined, words],
  ["threads", "threads", "n", "THREADS", undefined, numbers],
  ["maxConnections", "max-connections", undefined, "MAX_CONNECTIONS", 10_000, numbers],
  ["tlsCert", "tls-cert", undefined, "TLS_CERT", undefined, words],
  ["tlsKey", "tls-key", undefined, "TLS_KEY", undefined, words],
  ["adminPort", "admin-port", undefined, "ADMIN_PORT", undefined, numbers],
  ["tlsRedirectPort", "tls-redirect-port", undefined, "TLS_REDIRECT_PORT", undefined, numbers],
  ["tlsPublicPort", "tls-public-port", undefined, "TLS_PUBLIC_PORT", undefined, numbers],
  ["http3", "http3", undefined, "HTTP3", false, truths],
  [
    "trustedProxies",
    "trusted-proxies",
    undefined,
    "TRUSTED_PROXIES",
    [
      "127.0.0.0/8",
      "10.0.0.0/8",
      "172.16.0.0/12",
      "192.168.0.0/16",
      "169.254.0.0/16",
      "::1/128",
      "fc00::/7",
      "fe80::/10",
    ],
    networkLists,
  ],
  ["ttl", "ttl", "t", "TTL", 300, numbers],
  ["negativeTtl", "negative-ttl", undefined, "NEGATIVE_TTL", undefined, numbers],
  ["forceTtl", "force-ttl", undefined, "FORCE_TTL", false, truths],
  ["staleWhileRevalidate", "stale-while-revalidate", undefined, "STALE_WHILE_REVALIDATE", 60, numbers],
  ["staleIfError", "stale-if-error", undefined, "STALE_IF_ERROR", 86_400, numbers],
  ["originTimeout", "origin-timeout", undefined, "ORIGIN_TIMEOUT", 30, numbers],
  ["cacheDir", "cache-dir", "d", "CACHE_DIR", undefined, words],
  ["cacheSize", "cache-size", undefined, "CACHE_SIZE", 10 * 2 ** 30, sizes],
  ["maxObjectSize", "max-object-size", undefined, "MAX_OBJECT_SIZE", 5 * 2 ** 30, sizes],
  ["memorySize", "memory-size", undefined, "MEMORY_SIZE", 256 * 2 ** 20, sizes],
  ["redisUrls", "redis-url", undefined, "REDIS_URL", undefined, redisServers],
  ["redisCache", "redis-cache", undefined, "REDIS_CACHE", false, truths],
  ["indexDocument", "index-document", undefined, "INDEX_DOCUMENT", undefined, words],
  ["errorDocument", "error-document", undefined, "ERROR_DOCUMENT", undefined, words],
  ["precompressed", "precompressed", undefined, "PRECOMPRESSED", false, truths],
  ["websiteConfig", "website-config", undefined, "WEBSITE_CONFIG", false, truths],
  ["spa", "spa", undefined, "SPA", false, truths],
  ["listing", "listing", undefined, "LISTING", false, truths],
  ["rejectQueryStrings", "reject-query-strings", "j", "REJECT_QUERY_STRINGS", false, truths],
  ["console", "console", "c", "CONSOLE", false, truths],
  ["logLevel", "log-level", "l", "LOG_LEVEL", "info", levels],
  ["logDir", "dir", "o", "LOG_DIR", "logs/", words],
  ["accessLog", "access-log", undefined, "ACCESS_LOG", "off", accessLogs],
  ["mmdbHost", "mmdb-host", "m", "MMDB_HOST", undefined, words],
  ["mmdbPort", "mmdb-port", "x", "MMDB_PORT", 2010, numbers],
  ["mmdbFile", "mmdb-file", undefined, "MMDB_FILE", undefined, words],
  ["anonymizeIp", "anonymize-ip", undefined, "ANONYMIZE_IP", false, truths],
  ["spoolDir", "spool-dir", undefined, "SPOOL_DIR", undefined, words],
  ["spoolSize", "spool-size", undefined, "SPOOL_SIZE", 256 * 2 ** 20, sizes],
  ["visitSummary", "visit-summary", undefined, "VISIT_SUMMARY", false, truths],
  ["ilpHost", "ilp-host", "y", "ILP_HOST", undefined, words],
  ["ilpPort", "ilp-port", "z", "ILP_PORT", 9009, numbers],
  ["ilpSeriesName", "ilp-series-name", "e", "ILP_SERIES_NAME", "request", words],
  ["mongoUri", "mongo-uri", "f", "MONGO_URI", undefined, uris],
  ["mongoDatabase", "mongo-database", "g", "MONGO_DATABASE", "metrics", words],
  ["mongoCollection", "mongo-collection", "i", "MONGO_COLLECTION", "request", words],
  ["config", "config", undefined, "CONFIG_FILE", undefined, files],
  ["takeover", "takeover", undefined, "TAKEOVER", undefined, words],
  ["help", "help", "h", undefined, false, truths],
  ["version", "version", undefined, undefined, false, truths],
  ["headersFile", "headers", undefined, "HEADERS_FILE", undefined, words],
  ["allowedOrigins", undefined, undefined, "ALLOWED_ORIGINS", [], lists],
];

test("the option table has these rows, no more and no fewer", () => {
  const rows = Object.entries(options as Record<string, Option<unknown>>);
  const names = rows.map(([name, { flag, short, environment }]) => [name, flag, short, environment]);
  expect(names.sort()).toEqual(table.map((row) => row.slice(0, 4)).sort() as typeof names);
});

describe.each(table.map((row) => ({ name: row[0], row })))("$name", ({ row }) => {
  const [name, flag, short, environment, fallback, [first, second]] = row;
  // What has to be given beside it, so that only this option is in question.
  const partners: Record<string, string[]> = {
    key: ["--secret", "x"],
    secret: ["--key", "x"],
    virtualHost: ["--endpoint", "http://e"],
    redisCache: ["--redis-url", "redis://r"],
    tlsCert: ["--tls-key", "x"],
    tlsKey: ["--tls-cert", "x"],
    tlsRedirectPort: ["--tls-cert", "x", "--tls-key", "x"],
    tlsPublicPort: ["--tls-cert", "x", "--tls-key", "x", "--tls-redirect-port", "80"],
    http3: ["--tls-cert", "x", "--tls-key", "x"],
    bucket: [],
  };
  const others = [...(name === "bucket" ? [] : REQUIRED), ...(partners[name] ?? [])];
  const read = (args: string[], variables: Record<string, string> = {}) =>
    parseOptions([...others, ...args], variables, {}, emptyFile)[name];

  test("has its default", () => {
    if (name === "bucket")
      expect(messageOf([])).toBe("--bucket (or S3_BUCKET in the environment) is required");
    else expect(parseOptions(REQUIRED, {})[name]).toEqual(fallback as never);
  });
  if (environment !== undefined) {
    test("is read from the environment", () => {
      expect(read([], { [environment]: first![0] })).toEqual(first![1] as never);
    });
  }
  if (environment !== undefined && partners[name] === undefined) {
    test("has its default where the variable is empty", () => {
      expect(read([], { [environment]: "" })).toEqual(fallback as never);
    });
  }
  if (flag === undefined) {
    test("has no flag", () => {
      expect(messageOf([...others, "--allowed-origins=[]"])).toStartWith(
        'Unknown option "--allowed-origins"',
      );
    });
    return;
  }
  test("is read from the flag in each spelling, which wins over the environment", () => {
    const variables = environment === undefined ? {} : { [environment]: second![0] };
    const spellings = [[`--${flag}`, first![0]], [`--${flag}=${first![0]}`]];
    if (short !== undefined) spellings.push([`-${short}`, first![0]]);
    if (short !== undefined && typeof first![1] !== "boolean") spellings.push([`-${short}${first![0]}`]);
    for (const spelling of spellings) expect(read(spelling, variables)).toEqual(first![1] as never);
    expect(read([`--${flag}=${second![0]}`])).toEqual(second![1] as never);
  });
});

describe("a boolean", () => {
  test.each([
    { args: ["--console"], value: true },
    { args: ["-c"], value: true },
    { args: ["--console", "true"], value: true },
    { args: ["--console", "false"], value: false },
    { args: ["-c", "false"], value: false },
    { args: ["--console=false"], value: false },
    { args: ["--console", "--ttl", "1"], value: true },
    { args: ["-jc"], value: true },
    { args: ["-cj", "false"], value: true },
  ])("is $value after $args", ({ args, value }) => {
    expect(parseOptions([...REQUIRED, ...args], { CONSOLE: String(!value) }).console).toBe(value);
  });
  test("takes only the one argument right behind it", () => {
    expect(messageOf([...REQUIRED, "--console", "false", "false"])).toBe('Unexpected argument "false"');
    expect(messageOf([...REQUIRED, "--console", "--", "false"])).toBe('Unexpected argument "false"');
    expect(messageOf([...REQUIRED, "--console", "maybe"])).toBe(
      '--console: "maybe" is not valid, wanted "true" or "false"',
    );
    expect(messageOf([...REQUIRED, "--console=true", "false"])).toBe('Unexpected argument "false"');
  });
});

test("the last of a repeated flag counts", () => {
  expect(parseOptions([...REQUIRED, "-p", "1", "--port=2"], {}).port).toBe(2);
});

test("what --help and --version need is not asked for", () => {
  const bad = { PORT: "x", AWS_KEY: "only" };
  expect(parseOptions(["--help"], bad).help).toBe(true);
  expect(parseOptions(["-h"], bad).help).toBe(true);
  expect(parseOptions(["--version"], bad).version).toBe(true);
  expect(messageOf(["--help=false"])).toInclude("--bucket");
});

test("where it is given nowhere else a configuration file's value counts, and one that doesn't count isn't looked at", () => {
  const file = () => ({
    text: 'bucket = "from-file"\nport = 1\nttl = 1\nregion = "-"',
    isReadableByOthers: false,
  });
  const args = ["--config", "s3proxy.toml", "--region", "eu-west-1", "-p", "2"];
  const values = parseOptions(args, { PORT: "3", TTL: "4", AWS_REGION: "-" }, {}, file);
  expect(values).toMatchObject({
    bucket: "from-file",
    region: "eu-west-1",
    port: 2,
    ttl: 4,
  });
});

test("a configuration file that can't be read is one line that names it", () => {
  expect(messageOf(["--config", "/nowhere/s3proxy.toml"])).toMatch(
    /^--config: "\/nowhere\/s3proxy.toml" can't be read: ENOENT/,
  );
});

test("no configuration file is read for --help and --version", () => {
  expect(parseOptions(["--help", "--config", "/nowhere/s3proxy.toml"], {}).help).toBe(true);
  expect(parseOptions(["--version"], { CONFIG_FILE: "/nowhere/s3proxy.toml" }).version).toBe(true);
});
