import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { ask, parseAnswer } from "../support/client.ts";
import { AUTH_KEY, makeCold, type Serving, startServing } from "./serving.ts";

const PATH = "/_proxy/_private/_cache/purge";

describe.each([1, 4])("with --threads %p", (threads) => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing({ threads, args: ["--prefix", "site/"] });
  });
  afterEach(async () => {
    it.s3.reset();
    await makeCold(it.port);
  });
  afterAll(() => it?.stop());

  const get = async (path: string) => (await ask(it.port, { path })).text;
  const keep = async (key: string, path: string) => {
    it.s3.put(key, "old");
    expect(await get(path)).toBe("old");
    it.s3.put(key, "new");
  };
  const uploaded = (key: string, bucket = it.s3.bucket) => ({
    Records: [{ eventName: "ObjectCreated:Put", s3: { bucket: { name: bucket }, object: { key } } }],
  });
  /** Posts a body; the client of the other tests sends none. */
  const post = async (body: string, authorization = `Bearer ${AUTH_KEY}`) => {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const chunks: Buffer[] = [];
    const socket = connect(it.port, "127.0.0.1");
    socket.on("data", (chunk) => chunks.push(Buffer.from(chunk)));
    socket.on("close", () => resolve(Buffer.concat(chunks)));
    socket.on("error", reject);
    const head = `POST ${PATH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: ${authorization}\r\n`;
    socket.write(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    const { status, text } = parseAnswer(await promise);
    return { status, answer: JSON.parse(text) as { cleared?: number; error?: string } };
  };

  test("an upload that S3 tells of shows at once, and nothing else is dropped", async () => {
    await keep("site/a b.txt", "/a%20b.txt");
    await keep("site/other.txt", "/other.txt");
    expect(await post(JSON.stringify(uploaded("site/a+b.txt")))).toEqual({
      status: 200,
      answer: { cleared: 1 },
    });
    expect([await get("/a%20b.txt"), await get("/other.txt")]).toEqual(["new", "old"]);
  });

  test("a missing key that has been uploaded is there at once", async () => {
    expect(await get("/later.txt")).toContain("Not found");
    it.s3.put("site/later.txt", "here");
    await post(JSON.stringify(uploaded("site/later.txt")));
    expect(await get("/later.txt")).toBe("here");
  });

  test("objects of another bucket or outside of --prefix are none of ours", async () => {
    await keep("site/a.txt", "/a.txt");
    for (const message of [
      uploaded("site/a.txt", "another-bucket"),
      uploaded("a.txt"),
      uploaded("sitea.txt"),
    ]) {
      expect(await post(JSON.stringify(message))).toEqual({ status: 200, answer: { cleared: 0 } });
    }
    expect(await get("/a.txt")).toBe("old");
  });

  test("SNS' confirmation is a line in the log, and nothing is fetched", async () => {
    const address = `${it.s3.endpoint}/subscribe`;
    const message = {
      Type: "SubscriptionConfirmation",
      TopicArn: "arn:aws:sns:topic",
      SubscribeURL: address,
    };
    expect((await post(JSON.stringify(message))).status).toBe(200);
    expect(await it.proxy.line(/ SNS asks to confirm/)).toContain("topic=arn:aws:sns:topic");
    expect(it.s3.requests.filter(({ rawPath }) => rawPath.includes("subscribe"))).toEqual([]);
  });

  test.each(["", "{", "[]", '{"Records":[{}]}'])("%p is 400 and drops nothing", async (body) => {
    await keep("site/a.txt", "/a.txt");
    expect((await post(body)).status).toBe(400);
    expect(await get("/a.txt")).toBe("old");
  });

  test("the token is asked for, and other methods are 405", async () => {
    const { answer, status } = await post(JSON.stringify(uploaded("site/a.txt")), "Bearer wrong");
    expect([status, answer.cleared]).toEqual([403, undefined]);
    const got = await ask(it.port, { path: PATH, headers: { Authorization: `Bearer ${AUTH_KEY}` } });
    expect([got.status, got.headers.allow]).toEqual([405, "POST"]);
  });
});
