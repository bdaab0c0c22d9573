import { expect, test } from "bun:test";
import { connect, movedTo } from "./connection.ts";

const ASKED = "rediss://user:p%40ss@node-1:7000/0";

test.each([
  ["MOVED 3999 10.0.0.1:7001", "rediss://user:p%40ss@10.0.0.1:7001/0"],
  ["MOVED 3999 node-2.internal:7001", "rediss://user:p%40ss@node-2.internal:7001/0"],
  ["MOVED 3999 2001:db8::1:7001", "rediss://user:p%40ss@[2001:db8::1]:7001/0"],
  ["MOVED 3999 [2001:db8::1]:7001", "rediss://user:p%40ss@[2001:db8::1]:7001/0"],
  ["MOVED 3999 :7001", "rediss://user:p%40ss@node-1:7001/0"],
  ["MOVED 3999 ?:7001", "rediss://user:p%40ss@node-1:7001/0"],
  ["ASK 3999 10.0.0.1:7001", undefined],
  ["ERR MOVED 3999 10.0.0.1:7001", undefined],
  ["MOVED 3999 10.0.0.1", undefined],
])("%s leads to %p", (answer, url) => {
  expect(movedTo(answer, ASKED)).toBe(url);
});

test("where nobody answers the reason names no password", async () => {
  const error = await connect(["redis://user:p%40ss@127.0.0.1:1"], "key").catch((it: Error) => it);
  expect(String(error)).toMatch(/can't be reached/);
  expect(String(error)).not.toMatch(/p%40ss|p@ss/);
});
