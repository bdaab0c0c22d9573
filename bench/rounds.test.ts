import { expect, test } from "bun:test";
import { inRounds } from "./rounds.ts";

test("servers are measured in turn, the order turned around every round, and results stay with their server", async () => {
  const order: string[] = [];
  const results = await inRounds(3, ["a", "b"], async (server, round) => {
    order.push(server);
    return `${server}${round}`;
  });
  expect(order).toEqual(["a", "b", "b", "a", "a", "b"]);
  expect(results).toEqual([
    ["a0", "a1", "a2"],
    ["b0", "b1", "b2"],
  ]);
});
