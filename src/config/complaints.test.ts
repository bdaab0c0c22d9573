import { describe, expect, test } from "bun:test";
import { nearest } from "./nearest.ts";
import { type Option, options } from "./options.ts";
import { parseOptions } from "./parse.ts";
import { UsageError } from "./usage-error.ts";

const REQUIRED = ["--bucket", "site"];

function complaint(args: readonly string[], environment: Record<string, string> = {}): string {
  try {
    parseOptions([...REQUIRED, ...args], environment);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error(`Nothing was refused in ${JSON.stringify(args)}`);
}

test.each([
  { args: ["--prot", "1"], message: 'Unknown option "--prot", did you mean "--port"?' },
  { args: ["--treads=2"], message: 'Unknown option "--treads", did you mean "--threads"?' },
  { args: ["--cache"], message: 'Unknown option "--cache", did you mean "--cache-dir"?' },
  { args: ["--auth_key", "x"], message: 'Unknown option "--auth_key", did you mean "--auth-key"?' },
  { args: ["--entirely-other"], message: 'Unknown option "--entirely-other", try "--help"' },
  { args: ["-q"], message: 'Unknown option "-q", try "--help"' },
  { args: ["stray"], message: 'Unexpected argument "stray"' },
  { args: ["--", "stray"], message: 'Unexpected argument "stray"' },
  { args: ["--port"], message: "--port needs a value: a whole number from 0 to 65535" },
  { args: ["-p"], message: "-p needs a value: a whole number from 0 to 65535" },
  { args: ["--port", "--console"], message: "--port needs a value: a whole number from 0 to 65535" },
  { args: ["--port="], message: '--port: "" is not valid, wanted a whole number from 0 to 65535' },
  {
    args: ["-p", "65536"],
    message: '-p: "65536" is not valid, wanted a whole number from 0 to 65535',
  },
  {
    args: ["--threads=0"],
    message: '--threads: "0" is not valid, wanted a whole number from 1 to 256',
  },
  { args: ["--ttl", "-1"], message: /^--ttl: "-1" is not valid, wanted a whole number/ },
  { args: ["--cache-size", "big"], message: /^--cache-size: "big" is not valid, wanted a size/ },
  { args: ["--log-level", "loud"], message: /wanted one of "critical", "warn", "info", "debug"$/ },
  { args: ["--mmdb-port", "0"], message: /^--mmdb-port: "0" is not valid/ },
  { args: ["--ilp-port", "x"], message: /^--ilp-port: "x" is not valid/ },
  { args: ["--virtual-host"], message: "--virtual-host is given without --endpoint, wanted both" },
  {
    args: ["--redis-cache"],
    message: /^--redis-cache \(or REDIS_CACHE .* is given without --redis-url .*, wanted both$/,
  },
  { args: ["--key", "k"], message: /^--key .* is given without --secret .*, wanted both or neither$/ },
  {
    args: ["--tls-cert", "c"],
    message: /^--tls-cert \(or TLS_CERT .* is given without --tls-key .*, wanted both or neither$/,
  },
  {
    args: ["--tls-key", "k"],
    message: /^--tls-key .* is given without --tls-cert .*, wanted both or neither$/,
  },
  { args: ["--http3"], message: /^--http3 .* is given without --tls-cert and --tls-key, wanted all$/ },
  {
    args: ["--tls-redirect-port", "80"],
    message: /^--tls-redirect-port .* is given without --tls-cert and --tls-key, wanted all$/,
  },
  {
    args: ["--tls-cert", "c", "--tls-key", "k", "--tls-public-port", "443"],
    message:
      /^--tls-public-port \(or TLS_PUBLIC_PORT .* is given without --tls-redirect-port .*, wanted both$/,
  },
  { args: ["--tls-public-port", "0"], message: /^--tls-public-port: "0" is not valid/ },
  {
    args: ["--tls-cert", "c", "--tls-key", "k", "--port", "443", "--tls-redirect-port", "443"],
    message: "--tls-redirect-port and --port are both 443, wanted two ports",
  },
  {
    args: ["--port", "8000", "--admin-port", "8000"],
    message: "--admin-port and --port are both 8000, wanted two ports",
  },
])("says in one line what is wrong with $args", ({ args, message }) => {
  const said = complaint(args);
  if (typeof message === "string") expect(said).toBe(message);
  else expect(said).toMatch(message);
});

test.each([
  { name: "PORT", value: "x", message: 'PORT: "x" is not valid, wanted a whole number from 0 to 65535' },
  { name: "CONSOLE", value: "1", message: 'CONSOLE: "1" is not valid, wanted "true" or "false"' },
  {
    name: "ALLOWED_ORIGINS",
    value: "*",
    message: /^ALLOWED_ORIGINS: "\*" is not valid, wanted a JSON array/,
  },
  {
    name: "ALLOWED_ORIGINS",
    value: '{"a":1}',
    message: /^ALLOWED_ORIGINS: .* wanted a JSON array of strings/,
  },
  { name: "ALLOWED_ORIGINS", value: '["a/b"]', message: /"a\/b" is not an origin$/ },
])("names the variable for $name=$value", ({ name, value, message }) => {
  const said = complaint([], { [name]: value });
  if (typeof message === "string") expect(said).toBe(message);
  else expect(said).toMatch(message);
});

describe("one line", () => {
  const awkward = "a\nb\r\u001b[31m\u0085c";
  test.each([
    { from: "a flag's value", args: [`--port=${awkward}`], environment: {} },
    { from: "a flag's value in an argument of its own", args: ["--port", awkward], environment: {} },
    { from: "a stray argument", args: [awkward], environment: {} },
    { from: "an unknown flag", args: [`--${awkward}`], environment: {} },
    { from: "a variable", args: [], environment: { LOG_LEVEL: awkward } },
    { from: "an origin", args: [], environment: { ALLOWED_ORIGINS: JSON.stringify([awkward]) } },
  ])("without control characters comes of $from", ({ args, environment }) => {
    expect(complaint(args, environment)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });
  test("of bounded length is all that a long value gives", () => {
    expect(complaint(["--port", "1".repeat(100_000)]).length).toBeLessThan(400);
  });
});

describe("a secret is never in a message", () => {
  const secrets = Object.values(options as Record<string, Option<unknown>>).filter((option) => option.secret);
  const names = secrets.map(({ flag }) => flag).sort();
  test("among them every one of the table's", () => {
    expect(names).toEqual(["auth-key", "mongo-uri", "redis-url", "secret", "session-token"]);
  });
  test.each([
    { args: ["--auth-key", "hunter 22"], environment: {} },
    { args: ["--auth-key=hunter 22"], environment: {} },
    { args: ["-ahunter 22"], environment: {} },
    { args: [], environment: { AUTH_KEY: "hunter 22" } },
    { args: ["--mongo-uri", "http://u:hunter@h"], environment: {} },
    { args: [], environment: { MONGO_URI: "hunter 22" } },
    { args: ["--redis-url", "http://u:hunter@h"], environment: {} },
    { args: [], environment: { REDIS_URL: "hunter 22" } },
    { args: ["--secret", "hunter22"], environment: {} },
    { args: ["--sercet=hunter22"], environment: {} },
    { args: ["--sercet", "hunter22"], environment: {} },
  ])("of $args", ({ args, environment }) => {
    const said = complaint(args, environment);
    expect(said).toMatch(/secret|auth-key|AUTH_KEY|-a:|mongo-uri|MONGO_URI|redis-url|REDIS_URL/);
    expect(said).not.toInclude("hunter");
  });
});

test.each([
  { given: "prot", word: "port" },
  { given: "porttt", word: "port" },
  { given: "cac", word: "cache" },
  { given: "zzzzzz", word: undefined },
  { given: "", word: undefined },
])("nearest to $given is $word", ({ given, word }) => {
  expect(nearest(given, ["cache", "port", "reject"])).toBe(word as string);
});
