import { expect, test } from "bun:test";
import { bodyOf, Handover, noteBody } from "./handed-over.ts";

test.each([
  ["a whole object", new Response("12345"), "GET", 5],
  ["an answer to HEAD", new Response(null), "HEAD", 0],
  ["a part", new Response("234", { status: 206, headers: { "content-range": "bytes 1-3/5" } }), "GET", 3],
  ["an error page", new Response("12345", { status: 404 }), "GET", 5],
])("the body of %s has so many bytes", (_what, response, method, bytes) => {
  expect(bodyOf(noteBody(response, 5), response.status, method)).toBe(bytes);
});

test("an answer that nothing is noted of has no body", () => {
  expect(bodyOf(new Response(null), 304, "GET")).toBe(0);
});

test("a stream's bytes are told when it is over, once", () => {
  const told: number[] = [];
  const handover = new Handover();
  handover.add(3);
  handover.whenOver((bytes) => told.push(bytes));
  handover.add(4);
  expect(told).toEqual([]);
  handover.end();
  handover.end();
  expect(told).toEqual([7]);
  handover.whenOver((bytes) => told.push(bytes));
  expect(told).toEqual([7, 7]);
});
