import { afterAll, beforeAll, expect, test } from "bun:test";
import { patternBody } from "./made-body.ts";
import { play } from "./player.ts";

const BODY = patternBody(1_000, 1);

let server: Bun.Server<undefined>;
beforeAll(() => {
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) =>
      new URL(url).pathname === "/error"
        ? new Response("S3 is down", { status: 502 })
        : new Response("x".repeat(100)),
  });
});
afterAll(() => server.stop(true));

test("an answer that isn't the object's is an error that says what it was", async () => {
  const played = await play(server.port ?? 0, { path: "/error", body: BODY });
  await expect(played.takeAll()).rejects.toThrow('Answered 502: /error whole: "S3 is down"');
});

test("other bytes than the object's are an error that says where", async () => {
  const played = await play(server.port ?? 0, { path: "/other", body: BODY });
  await expect(played.takeAll()).rejects.toThrow("Wrong bytes: /other whole, between 0 and 100");
});
