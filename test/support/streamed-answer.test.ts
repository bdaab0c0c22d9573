import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { PROTOCOLS } from "./client.ts";
import { bytesOf } from "./site.ts";
import { askStreamed } from "./streamed-answer.ts";

const BODY = bytesOf(300_000);

/** What the server does after half of the body. */
let goOn: PromiseWithResolvers<"end" | "break">;
let server: ReturnType<typeof Bun.serve>;
beforeAll(() => {
  const options = { http2: true, development: false, error: () => new Response(null, { status: 500 }) };
  server = Bun.serve({
    ...options,
    port: 0,
    hostname: "127.0.0.1",
    fetch({ url, method }) {
      if (url.endsWith("/sized")) return new Response(BODY);
      if (method === "HEAD") return new Response(null, { headers: { "content-length": "300000" } });
      goOn = Promise.withResolvers();
      return new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue(BODY.subarray(0, 150_000));
            if ((await goOn.promise) === "break") return controller.error(new Error("broken"));
            controller.enqueue(BODY.subarray(150_000));
            controller.close();
          },
        }),
      );
    },
  });
});
afterAll(() => server?.stop(true));

describe.each([...PROTOCOLS])("over %s", (protocol) => {
  const ask = (path: string, more: { method?: string; body?: Uint8Array } = {}) =>
    askStreamed(server.port ?? 0, { protocol, path, body: BODY, ...more });

  test("askStreamed tells of bytes while more are to come, and of a good end", async () => {
    const answer = ask("/stream");
    await answer.has(150_000);
    expect([(await answer.head).status, answer.bytes]).toEqual([200, 150_000]);
    goOn.resolve("end");
    const end = { status: 200, bytes: 300_000, isRight: true, isComplete: true, isStuck: false };
    expect(await answer.ended).toEqual(end);
  });
  test("askStreamed tells a body that breaks from a whole one", async () => {
    const answer = ask("/stream");
    await answer.has(150_000);
    goOn.resolve("break");
    const end = { status: 200, bytes: 150_000, isRight: true, isComplete: false, isStuck: false };
    expect(await answer.ended).toEqual(end);
    await expect(answer.has(150_001)).rejects.toThrow("ended after 150000 bytes");
  });
  test("askStreamed tells wrong bytes, a body with a length, and an answer without a body", async () => {
    const isOther = { body: bytesOf(300_000, 1) };
    expect((await ask("/sized", isOther).ended).isRight).toBe(false);
    expect((await ask("/sized", { body: BODY.subarray(1) }).ended).isRight).toBe(false);
    expect(await ask("/sized").ended).toMatchObject({ bytes: 300_000, isRight: true, isComplete: true });
    const head = ask("/stream", { method: "HEAD" });
    expect((await head.head).headers["content-length"]).toBe("300000");
    expect(await head.ended).toMatchObject({ bytes: 0, isComplete: true });
  });
  test("a client that leaves gets no more, and its answer isn't complete", async () => {
    const answer = ask("/stream");
    await answer.has(150_000);
    answer.leave();
    expect(await answer.ended).toMatchObject({ bytes: 150_000, isComplete: false });
  });
});

test("askStreamed ends without a head where nobody listens", async () => {
  for (const protocol of PROTOCOLS) {
    const answer = askStreamed(1, { protocol, path: "/", body: BODY });
    expect(await answer.ended).toMatchObject({ status: 0, isComplete: false });
    await expect(answer.head).rejects.toThrow("ended after 0 bytes");
  }
});
