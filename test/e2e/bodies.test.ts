import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startBackend } from "../support/backend.ts";
import type { Answer } from "../support/client.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import type { S3Backend } from "../support/s3-backend.ts";
import { AUTH_KEY, expectEveryWay, type Serving, startServing } from "./serving.ts";

const KIB = 1024;
/** What is larger is sent while it comes from S3. */
const STREAMED_ABOVE = 64 * KIB;
const SIZES = [0, 1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 100_000, 1024 * KIB, 5 * 1024 * KIB + 7];
/** For some of these the runtime names the file it serves from in a header of its own. */
const ODD_TYPES = [
  "application/octet-stream",
  "application/zip",
  "application/pdf",
  "application/x-own",
  "application/wasm",
  "video/mp4",
  "image/x-odd",
  "text/html",
  "nonsense",
];

describe("with a real S3 server program", () => {
  let s3: S3Backend;
  let proxy: RunningProxy;
  beforeAll(async () => {
    s3 = await startBackend();
    for (const size of SIZES) await s3.put(`${size}.bin`, bytes(size));
    proxy = await startProxy({ s3, args: ["--auth-key", AUTH_KEY] });
  });
  afterAll(async () => {
    await proxy?.stop();
    await s3?.stop();
  });

  test.each(SIZES.filter((size) => size <= STREAMED_ABOVE))(
    "an object of %p bytes arrives byte for byte, with its length",
    async (size) => {
      for (const { way, isCold, answer } of await everyWay(size)) {
        expect([way, ...framingOf(answer)]).toEqual([way, String(size), undefined, !isCold]);
      }
    },
  );
  test.each(SIZES.filter((size) => size > STREAMED_ABOVE))(
    "an object of %p bytes arrives byte for byte: first as it comes and without a length, then with it; HEAD has it",
    async (size) => {
      for (const { way, protocol, method, isCold, answer } of await everyWay(size)) {
        const isStreamed = isCold && method === "GET";
        const coding = isStreamed && protocol === "HTTP/1.1" ? "chunked" : undefined;
        const length = isStreamed ? undefined : String(size);
        expect([way, ...framingOf(answer)]).toEqual([way, length, coding, !isCold]);
      }
    },
  );

  const everyWay = (size: number) =>
    expectEveryWay(proxy.port, `/${size}.bin`, { status: 200, body: bytes(size) });
  const framingOf = ({ headers }: Answer) => [
    headers["content-length"],
    headers["transfer-encoding"],
    headers["cache-status"]?.startsWith("s3proxy; hit; "),
  ];
});

describe("with a programmable bucket", () => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing();
  });
  afterAll(() => it?.stop());

  test.each(ODD_TYPES)(
    "a large object of type %p is inline and not given the name of a file",
    async (type) => {
      const body = bytes(70_000);
      it.s3.put("large.data", body, { "Content-Type": type });
      for (const { way, answer } of await expectEveryWay(it.port, "/large.data", { status: 200, body })) {
        expect([way, answer.headers["content-type"]]).toEqual([way, type]);
        // What none means; without it Bun adds the name of the cache file for some types.
        expect([way, answer.headers["content-disposition"]]).toEqual([way, "inline"]);
      }
    },
  );
  test("a small object without a Content-Disposition is not given one", async () => {
    it.s3.put("small.data", bytes(10), { "Content-Type": "application/zip" });
    for (const { way, answer } of await expectEveryWay(it.port, "/small.data", { status: 200 })) {
      expect([way, answer.headers["content-disposition"]]).toEqual([way, undefined]);
    }
  });
  test("a large object keeps the Content-Disposition it has", async () => {
    const headers = {
      "Content-Disposition": 'attachment; filename="own.zip"',
      "Content-Type": "application/zip",
    };
    it.s3.put("own", bytes(70_000), headers);
    for (const { answer } of await expectEveryWay(it.port, "/own", { status: 200 })) {
      expect(answer.headers["content-disposition"]).toBe(headers["Content-Disposition"]);
    }
  });
  test("what is said to be gzip and isn't, and what isn't text, is sent as it is stored, whatever the client accepts", async () => {
    const notGzip = "these bytes are not gzip";
    it.s3.put("odd.gz", notGzip, { "Content-Encoding": "gzip", "Content-Type": "text/plain" });
    it.s3.put("picture.png", "x".repeat(5000), { "Content-Type": "image/png" });
    for (const accepted of ["gzip, br", "identity", "gzip;q=0"]) {
      const headers = { "Accept-Encoding": accepted };
      const odd = await expectEveryWay(it.port, "/odd.gz", { status: 200, body: notGzip }, headers);
      for (const { answer } of odd) expect(answer.headers["content-encoding"]).toBe("gzip");
      const picture = await expectEveryWay(
        it.port,
        "/picture.png",
        { status: 200, body: "x".repeat(5000) },
        headers,
      );
      for (const { answer } of picture) expect(answer.headers["content-encoding"]).toBeUndefined();
    }
    for (const { headers } of it.s3.requests) expect(headers["accept-encoding"]).toBe("identity");
  });
});

describe("with a server that says no length", () => {
  const bodies: Record<string, Uint8Array> = { "/bucket/small": bytes(10), "/bucket/large": bytes(70_000) };
  let server: Bun.Server<undefined>;
  let proxy: RunningProxy;
  beforeAll(async () => {
    server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch({ url }) {
        const body = bodies[new URL(url).pathname];
        if (body === undefined) return new Response("", { status: 404 });
        const chunks = [body.subarray(0, 7), body.subarray(7)];
        const stream = new ReadableStream<Uint8Array>({
          async pull(controller) {
            await Bun.sleep(0);
            const chunk = chunks.shift();
            if (chunk === undefined) controller.close();
            else controller.enqueue(chunk);
          },
        });
        return new Response(stream, { headers: { ETag: '"1"' } });
      },
    });
    const endpoint = `http://127.0.0.1:${server.port}`;
    const args = ["--bucket", "bucket", "--endpoint", endpoint, "--no-sign", "--auth-key", AUTH_KEY];
    proxy = await startProxy({ args });
  });
  afterAll(async () => {
    await proxy?.stop();
    await server?.stop(true);
  });

  test.each(["small", "large"])(
    "the %s body is taken whole before the first byte, so it arrives with its length",
    async (name) => {
      const body = bodies[`/bucket/${name}`]!;
      const direct = await fetch(`http://127.0.0.1:${server.port}/bucket/${name}`);
      expect([direct.headers.get("content-length"), (await direct.bytes()).length]).toEqual([
        null,
        body.length,
      ]);
      for (const { way, answer } of await expectEveryWay(proxy.port, `/${name}`, { status: 200, body })) {
        expect([way, answer.headers["content-length"]]).toEqual([way, String(body.length)]);
      }
    },
  );
});

/** Bytes that are different at every place a body may be cut or joined. */
function bytes(size: number): Uint8Array {
  const made = new Uint8Array(size);
  for (let at = 0; at < size; at++) made[at] = (at * 31 + (at >>> 8) * 7 + (at >>> 16)) & 0xff;
  return made;
}
