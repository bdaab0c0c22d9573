import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readNotification } from "./notification.ts";

const record = (key: string, name = "site") => ({
  eventVersion: "2.1",
  eventSource: "aws:s3",
  eventName: "ObjectCreated:Put",
  s3: { s3SchemaVersion: "1.0", bucket: { name, arn: `arn:aws:s3:::${name}` }, object: { key, size: 1024 } },
});
const s3Event = (...keys: string[]) => ({ Records: keys.map((key) => record(key)) });
const sns = (message: unknown) => ({
  Type: "Notification",
  TopicArn: "arn:aws:sns:x",
  Message: JSON.stringify(message),
});
const eventBridge = (key: string, name = "site") => ({
  version: "0",
  "detail-type": "Object Created",
  source: "aws.s3",
  detail: { version: "0", bucket: { name }, object: { key, size: 5 }, reason: "PutObject" },
});
const read = (message: unknown) => readNotification(JSON.stringify(message), "site");
const keys = (...of: string[]) => ({ kind: "keys", keys: of }) as const;

describe("readNotification", () => {
  test.each([
    ["as S3 sends it", s3Event("a.html", "b.html"), keys("a.html", "b.html")],
    ["with a key in form encoding", s3Event("a+b/%C3%BC%2B%26%3D.txt"), keys("a b/ü+&=.txt")],
    ["in SNS' envelope", sns(s3Event("a.html")), keys("a.html")],
    [
      "in SQS' records",
      { Records: [{ eventSource: "aws:sqs", body: JSON.stringify(s3Event("a.html")) }] },
      keys("a.html"),
    ],
    [
      "in SNS' envelope in SQS' records",
      { Records: [{ body: JSON.stringify(sns(s3Event("a.html"))) }] },
      keys("a.html"),
    ],
    [
      "in SNS' records",
      { Records: [{ EventSource: "aws:sns", Sns: sns(s3Event("a.html")) }] },
      keys("a.html"),
    ],
    ["as EventBridge's, whose key is as it is", eventBridge("a+b%20c.txt"), keys("a+b%20c.txt")],
    ["that names a key twice", s3Event("a.html", "a.html"), keys("a.html")],
    ["of another bucket", { Records: [record("a.html", "other")] }, keys()],
    ["of EventBridge for another bucket", eventBridge("a.html", "other"), keys()],
    ["that S3 sends as a test", { Service: "Amazon S3", Event: "s3:TestEvent", Bucket: "site" }, keys()],
    ["without records", { Records: [] }, keys()],
  ])("%s", (_, message, wanted) => expect(read(message)).toEqual(wanted));

  test("a subscription's confirmation is told apart, and nothing is fetched", () => {
    const message = {
      Type: "SubscriptionConfirmation",
      TopicArn: "arn:aws:sns:x",
      SubscribeURL: "https://x.example/",
    };
    expect(read(message)).toEqual({ kind: "confirmation", topic: "arn:aws:sns:x" });
  });

  test.each(
    [
      null,
      [],
      "text",
      {},
      { Records: "no" },
      { Records: [{}] },
      { Records: [{ s3: {} }] },
      { Records: [{ s3: { bucket: { name: "site" }, object: { key: 5 } } }] },
      s3Event("%zz"),
      { Type: "Notification", Message: "not JSON" },
    ].map((message) => ({ message })),
  )("$message is malformed", ({ message }) => expect(read(message)).toEqual({ kind: "malformed" }));

  test("text that is no JSON, or wrapped without end, is malformed", () => {
    expect(readNotification("{", "site")).toEqual({ kind: "malformed" });
    let message: unknown = s3Event("a");
    for (let times = 0; times < 20; times++) message = sns(message);
    expect(read(message)).toEqual({ kind: "malformed" });
  });

  test("anything at all is read without an exception", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(["keys", "confirmation", "malformed"]).toContain(readNotification(text, "site").kind);
      }),
    );
  });
});
