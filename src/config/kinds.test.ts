import { describe, expect, test } from "bun:test";
import {
  bearerToken,
  boolean,
  bucketName,
  bytes,
  choice,
  endpoint,
  host,
  integer,
  type Kind,
  keyPrefix,
  listenPort,
  mongoUri,
  origins,
  port,
  redisUrls,
  regionName,
  seconds,
  text,
  WrongForm,
} from "./kinds.ts";

interface Row {
  readonly name: string;
  readonly kind: Kind<unknown>;
  /** Text and the value it becomes. */
  readonly taken: readonly (readonly [string, unknown])[];
  readonly refused: readonly string[];
  /** What a refusal says was wanted. */
  readonly wanted: RegExp;
}

const rows: readonly Row[] = [
  {
    name: "text",
    kind: text,
    taken: [
      ["a", "a"],
      [" a b ", " a b "],
    ],
    refused: [""],
    wanted: /not empty/,
  },
  {
    name: "boolean",
    kind: boolean,
    taken: [
      ["true", true],
      ["false", false],
    ],
    refused: ["", "yes", "1", "TRUE", " true"],
    wanted: /"true" or "false"/,
  },
  {
    name: "integer",
    kind: integer("<n>", 2, 9),
    taken: [
      ["2", 2],
      ["9", 9],
      ["007", 7],
    ],
    refused: ["1", "10", "", "-3", "+3", "3.0", "3 ", "0x3", "3e0", "NaN", "９"],
    wanted: /from 2 to 9/,
  },
  {
    name: "port",
    kind: port,
    taken: [["65535", 65_535]],
    refused: ["0", "65536"],
    wanted: /from 1 to 65535/,
  },
  {
    name: "listenPort",
    kind: listenPort,
    taken: [["0", 0]],
    refused: ["65536"],
    wanted: /from 0 to 65535/,
  },
  {
    name: "seconds",
    kind: seconds,
    taken: [
      ["0", 0],
      ["315360000", 315_360_000],
    ],
    refused: ["315360001", "1.5", "1s"],
    wanted: /whole number/,
  },
  {
    name: "bytes",
    kind: bytes,
    taken: [
      ["0", 0],
      ["1000", 1000],
      ["1b", 1],
      ["1kB", 1000],
      ["1KiB", 1024],
      ["3MB", 3e6],
      ["512MiB", 512 * 2 ** 20],
      ["20GB", 20e9],
      ["10GiB", 10 * 2 ** 30],
      ["2tb", 2e12],
      ["1 TiB", 2 ** 40],
      ["1.5KiB", 1536],
    ],
    refused: ["", "MiB", "-1", "1.", ".5", "1MiBs", "1 M", "1e3", "999999999999999TiB"],
    wanted: /512MiB/,
  },
  {
    name: "choice",
    kind: choice("one", "two"),
    taken: [["two", "two"]],
    refused: ["", "One", "three"],
    wanted: /"one", "two"/,
  },
  {
    name: "bucketName",
    kind: bucketName,
    taken: [
      ["abc", "abc"],
      ["my.site-1", "my.site-1"],
      ["Old_Bucket", "Old_Bucket"],
    ],
    refused: ["", "ab", "a..b", "-abc", "abc-", "a/b", "a b", "a@b", "a".repeat(256)],
    wanted: /3 to 255/,
  },
  {
    name: "regionName",
    kind: regionName,
    taken: [["eu-west-1", "eu-west-1"]],
    refused: ["", "-eu", "eu.west", "eu/west", "evil.example#", "a".repeat(64)],
    wanted: /eu-west-1/,
  },
  {
    name: "endpoint",
    kind: endpoint,
    taken: [
      ["http://127.0.0.1:9000", "http://127.0.0.1:9000"],
      ["https://minio.internal/", "https://minio.internal"],
      ["https://S3.example:443", "https://s3.example"],
    ],
    refused: [
      "",
      "minio:9000",
      "ftp://a",
      "https://a/b",
      "https://a/?b=c",
      "https://a/#b",
      "https://user@a",
      "https://user:word@a",
    ],
    wanted: /without path, query or credentials/,
  },
  {
    name: "keyPrefix",
    kind: keyPrefix,
    taken: [
      ["site", "site/"],
      ["/site/", "site/"],
      ["a/b", "a/b/"],
      ["ä b+c", "ä b+c/"],
    ],
    refused: ["", "/", "..", "a/../b", "./a", "a/.", "a\u0000b", "a\nb", "a\u007f"],
    wanted: /without "\." or "\.\."/,
  },
  {
    name: "host",
    kind: host,
    taken: [
      ["localhost", "localhost"],
      ["::1", "::1"],
      ["[::1]", "::1"],
      ["fe80::1%eth0", "fe80::1%eth0"],
    ],
    refused: ["", "a b", "a/b", "http://a", "a".repeat(256)],
    wanted: /host name or an IP address/,
  },
  {
    name: "mongoUri",
    kind: mongoUri,
    taken: [
      ["mongodb://u:p@h/db", "mongodb://u:p@h/db"],
      ["mongodb+srv://h", "mongodb+srv://h"],
    ],
    refused: ["", "mongodb://", "http://h", "mongodb://a b"],
    wanted: /mongodb/,
  },
  {
    name: "redisUrls",
    kind: redisUrls,
    taken: [
      ["redis://h", ["redis://h"]],
      ["rediss://u:p%2C@h:1/2,redis://[::1]:7", ["rediss://u:p%2C@h:1/2", "redis://[::1]:7"]],
    ],
    refused: ["", "redis://", "http://h", "redis://h,", "redis://h/a", "redis://:p%@h", "redis://a b"],
    wanted: /redis:/,
  },
  {
    name: "bearerToken",
    kind: bearerToken,
    taken: [["aA1-._~+/=!", "aA1-._~+/=!"]],
    refused: ["", "a b", "a\tb", "ä", "a\n"],
    wanted: /visible ASCII/,
  },
  {
    name: "origins",
    kind: origins,
    taken: [
      ["[]", []],
      ['["*"]', ["*"]],
      ['["https://a.example","http://b:8080"]', ["https://a.example", "http://b:8080"]],
    ],
    refused: [
      "",
      "https://a",
      "{}",
      "null",
      '"*"',
      "[1]",
      "[null]",
      '["a"]',
      '["null"]',
      '["https://a/"]',
      '["https://a/b"]',
      '["https://A"]',
      '["https://*.a"] x',
    ],
    wanted: /JSON array/,
  },
];

describe.each([...rows])("$name", ({ kind, taken, refused, wanted }) => {
  test.each(taken.map(([given, value]) => ({ given, value, shown: JSON.stringify(given) })))(
    "reads $shown",
    ({ given, value }) => {
      expect(kind.parse(given)).toEqual(value);
    },
  );
  test.each(refused.map((given) => ({ given, shown: JSON.stringify(given).slice(0, 40) })))(
    "refuses $shown and says what was wanted",
    ({ given }) => {
      expect(() => kind.parse(given)).toThrow(WrongForm);
      expect(() => kind.parse(given)).toThrow(wanted);
    },
  );
});

test("only a boolean has no placeholder, for that is how a flag without a value is known", () => {
  const without = rows.filter(({ kind }) => kind.placeholder === "").map(({ name }) => name);
  expect(without).toEqual(["boolean"]);
});
