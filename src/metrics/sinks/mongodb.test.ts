import { describe, expect, test } from "bun:test";
import { PATIENT, unusedPort } from "../../../test/support/sink-contract.ts";
import { visitsOf } from "../../../test/support/visits.ts";
import { createMongoDbSink, reasonOf } from "./mongodb.ts";

const URI = "mongodb://visitor:p%40ss-word@db.internal:27017/?authSource=admin";

describe("a reason names no secret", () => {
  test.each([
    `cannot reach ${URI}`,
    "user visitor:p%40ss-word is unknown",
    "wrong password p@ss-word",
    "wrong password p%40ss-word",
  ])("%p", (message) => {
    const reason = reasonOf(new Error(message), URI);
    expect(reason).toContain("[hidden]");
    expect(reason).not.toMatch(/ss-word/);
  });

  test("and is as it was where there is none in it", () => {
    const reason = reasonOf(new Error("connect ECONNREFUSED 127.0.0.1:27017"), "mongodb://127.0.0.1:27017");
    expect(reason).toBe("connect ECONNREFUSED 127.0.0.1:27017");
  });

  test.each([
    "mongodb://visitor:secret-word@",
    "mongodb://visitor:secret-word@host:none",
    "mongodb://visitor:secret%word@host",
    "mongodb://host/?secret-word=1",
    "mongodb://host/?tls=secret-word",
  ])("not for %p either, which the driver refuses", async (uri) => {
    const sink = createMongoDbSink({ uri, database: "metrics", collection: "request" });
    const error = await sink.send([], PATIENT).catch((reason: Error) => reason);
    expect((error as Error).message).toMatch(/^The MongoDB URI can't be used \(\w+\)$/);
  });
});

test("where nobody listens a batch is refused, and nothing stays behind", async () => {
  const uri = `mongodb://visitor:secret-word@127.0.0.1:${await unusedPort()}/?serverSelectionTimeoutMS=1`;
  const sink = createMongoDbSink({ uri, database: "metrics", collection: "request" });
  await expect(sink.send(visitsOf(1), AbortSignal.timeout(100))).rejects.toThrow("Given up");
  await sink.close();
});
