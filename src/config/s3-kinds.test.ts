import { type KindRow, testKinds } from "../../test/support/kind-rows.ts";
import { bucketName, documentName, endpoint, keyPrefix, objectKey, regionName } from "./s3-kinds.ts";

const rows: readonly KindRow[] = [
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
    name: "documentName",
    kind: documentName,
    taken: [
      ["index.html", "index.html"],
      ["ä b", "ä b"],
    ],
    refused: ["", "/", "/index.html", "a/b", ".", "..", "a\nb", "ä".repeat(513)],
    wanted: /without a slash/,
  },
  {
    name: "objectKey",
    kind: objectKey,
    taken: [
      ["404.html", "404.html"],
      ["//errors/404.html", "errors/404.html"],
      ["a".repeat(1024), "a".repeat(1024)],
    ],
    refused: ["", "/", "..", "a/../b", "a/.", "a\u0000b", "a\u007f", "ä".repeat(513)],
    wanted: /without "\." or "\.\."/,
  },
];

testKinds(rows);
