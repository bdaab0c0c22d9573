import { describe, expect, test } from "bun:test";
import { nameInFile, parseConfigFile } from "./config-file.ts";
import { type Option, options } from "./options.ts";
import { UsageError } from "./usage-error.ts";

const parse = (text: string, path = "s3proxy.toml", isReadableByOthers = false) =>
  parseConfigFile(path, { text, isReadableByOthers });

/** What the file gives each option, as the text of a flag. */
function textsOf(text: string, path?: string): Record<string, string> {
  return Object.fromEntries([...parse(text, path).settings].map(([name, { text: given }]) => [name, given]));
}

function complaint(text: string, path?: string): string {
  try {
    parse(text, path);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error(`Nothing was refused in ${JSON.stringify(text)}`);
}

const GIVEN = {
  bucket: "site",
  port: "8080",
  cacheSize: "20GB",
  memorySize: "1000",
  console: "true",
  allowedOrigins: '["https://a.example","https://b.example"]',
  trustedProxies: "10.0.0.0/8,::1",
};

test("TOML is read by the names of the flags", () => {
  const text = `
# The site
bucket = "site"
port = 8080
cache-size = "20GB"
memory-size = 1_000
console = true
allowed-origins = ["https://a.example", "https://b.example"]
trusted-proxies = [
  "10.0.0.0/8",
  "::1",
]
`;
  expect(textsOf(text)).toEqual(GIVEN);
  expect(textsOf(`\ufeff${text.replaceAll("\n", "\r\n")}`)).toEqual(GIVEN);
});

test.each(["s3proxy.yaml", "s3proxy.yml", "a.b/S3PROXY.YML"])("YAML is read from %s", (path) => {
  const text = `
# The site
bucket: site
port: 8080
cache-size: 20GB
memory-size: 1000
console: true
allowed-origins: ["https://a.example", "https://b.example"]
trusted-proxies:
  - 10.0.0.0/8
  - ::1
`;
  expect(textsOf(text, path)).toEqual(GIVEN);
});

test.each(["s3proxy.toml", "s3proxy.yaml"])("%s may be empty", (path) => {
  expect(textsOf("", path)).toEqual({});
  expect(textsOf("# Nothing\n", path)).toEqual({});
});

test("every option has a name of its own in a file", () => {
  const names = Object.values(options as Record<string, Option<unknown>>).map(nameInFile);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
});

describe("a complaint names the file, the line and what was wanted:", () => {
  const inLine = (line: number, path = "s3proxy.toml") => `--config: line ${line} of "${path}"`;
  const wholePort = "wanted a whole number from 0 to 65535";
  test.each([
    [
      "an unknown name",
      "entirely-other = 1",
      `${inLine(1)}: Unknown option "entirely-other", wanted the name of a flag of "--help"`,
    ],
    ["a misspelled name", "\nprot = 1", `${inLine(2)}: Unknown option "prot", did you mean "port"?`],
    ["a table", "ttl = 1\n[cache]\nsize = 1", /"cache", did you mean "cache-/],
    ["--help's name", "help = true", /^--config: line 1 .* Unknown option "help"/],
    ["--config's name", 'config = "other.toml"', /Unknown option "config"/],
    [
      "a type that isn't the option's",
      "ttl = 1\n\nport = true",
      `${inLine(3)}: port: true is not valid, ${wholePort}`,
    ],
    ["a list in place of a number", "port = [1]", `${inLine(1)}: port: this list is not valid, ${wholePort}`],
    [
      "a number in place of a text",
      "key = 12",
      `${inLine(1)}: key: 12 is not valid, wanted a text that is not empty`,
    ],
    [
      "a text in a list's wrong place",
      'allowed-origins = ["https://a", 1]',
      /this list is not valid, wanted a JSON array/,
    ],
    ["a date", "bucket = 2026-01-01", /bucket: what stands here is not valid, wanted a bucket name/],
    [
      "no TOML",
      "ttl = 1\nport = 1\n\nbucket: a\n",
      `${inLine(4)}: this is not TOML, wanted lines such as region = "eu-west-1"`,
    ],
    [
      "a list without end",
      'ttl = 1\ntrusted-proxies = [\n"::1",\n',
      `${inLine(2)}: this is not TOML, wanted lines such as region = "eu-west-1"`,
    ],
  ] as const)("%s in TOML", (_what, text, message) => {
    if (typeof message === "string") expect(complaint(text)).toBe(message);
    else expect(complaint(text)).toMatch(message);
  });

  test.each([
    [
      "nothing behind a name",
      "ttl: 1\nport:",
      `${inLine(2, "a.yml")}: port: null is not valid, ${wholePort}`,
    ],
    ["a name that is there twice", "ttl: 1\nport: 2\nttl: 1", `${inLine(3, "a.yml")}: "ttl" is given twice`],
    ["one in quotes that is there twice", "ttl: 1\n'ttl': 1", `${inLine(2, "a.yml")}: "ttl" is given twice`],
    [
      "a list",
      "- a\n- b",
      '--config: "a.yml": this is a list or a single value, wanted lines such as region: eu-west-1',
    ],
    [
      "no YAML",
      "ttl: 1\nbucket: [",
      `${inLine(2, "a.yml")}: this is not YAML, wanted lines such as region: eu-west-1`,
    ],
    ["a list that holds itself", "port: &x [*x]", /^--config: line 1 .* this list is not valid/],
    ["a list of origins that holds itself", "allowed-origins: &x [*x]", /this list is not valid/],
  ] as const)("%s in YAML", (_what, text, message) => {
    if (typeof message === "string") expect(complaint(text, "a.yml")).toBe(message);
    else expect(complaint(text, "a.yml")).toMatch(message);
  });

  test("a name without a known ending", () => {
    const message = `the name is wanted to end in ".toml", ".yaml" or ".yml"`;
    for (const path of ["s3proxy", "s3proxy.json", "toml", "toml/x"])
      expect(complaint("", path)).toBe(`--config: "${path}": ${message}`);
  });
  test("more than a configuration can have", () => {
    expect(complaint("#".repeat(64 * 1024 + 1))).toBe(
      '--config: "s3proxy.toml": wanted at most 65536 characters',
    );
  });
});

describe("secrets", () => {
  test.each([
    ["s3proxy.toml", "secret = hunter2"],
    ["s3proxy.toml", 'secret = "hunter2" x'],
    ["s3proxy.toml", "auth-key = 1234567"],
    ["s3proxy.yaml", "auth-key: 1234567"],
    ["s3proxy.yaml", "secret: [hunter2, 1234567]"],
    ["s3proxy.yaml", "secret: [hunter2"],
  ])("of %s are in no message: %s", (path, text) => {
    expect(complaint(text, path)).not.toMatch(/hunter2|1234567/);
  });
  test("that others may read are named", () => {
    const text = 'key = "k"\nsecret = "s"\nauth-key = "a"\n';
    expect(parse(text, "s3proxy.toml", true).exposed).toEqual(["secret", "auth-key"]);
    expect(parse(text, "s3proxy.toml", false).exposed).toEqual([]);
    expect(parse('bucket = "b"', "s3proxy.toml", true).exposed).toEqual([]);
  });
});
