import { expect, test } from "bun:test";
import { LiveFeed } from "./live-feed.ts";

test("a stream ends with its viewer's session, and nobody else's does", async () => {
  const feed = new LiveFeed({ overview: async () => "{}" });
  const ended = await feed.view(Date.now());
  const other = await feed.view(Date.now() + 60_000);
  // What is there at once, and no frame after that.
  expect(await ended.text()).toBe("data: {}\n\n");
  const reader = other.body!.getReader();
  for (let frame = 0; frame < 2; frame++)
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("data: {}\n\n");
  await reader.cancel();
});
