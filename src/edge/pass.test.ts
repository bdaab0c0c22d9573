import { expect, test } from "bun:test";
import { bodyOf, Handover } from "./handed-over.ts";
import { pass } from "./pass.ts";

test("a client that leaves while it takes nothing is the end of what was handed over", async () => {
  const s3 = Bun.serve({ port: 0, fetch: () => new Response(new Uint8Array(1_000_000)) });
  const toOrigin = { url: s3.url.href, headers: {}, deadlineMs: 10_000 };
  const cors = { index: 0, headers: {} };
  const { response } = await pass("key", toOrigin, new Request("http://host/key"), cors, Date.now());
  if (!(response instanceof Response)) throw new Error(`Refused: ${response.code}`);
  const body = bodyOf(response, response.status, "GET");
  if (!(body instanceof Handover)) throw new Error("The body isn't a stream");
  const told: number[] = [];
  body.whenOver((bytes) => told.push(bytes));
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  expect(told).toEqual([]);
  await reader.cancel();
  expect(told).toEqual([value!.length]);
  await s3.stop(true);
});
