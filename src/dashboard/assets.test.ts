import { expect, test } from "bun:test";
import { assets, loginPage, page } from "./assets.ts";

test("what the pages and their scripts ask for is served", () => {
  const names = new Set(assets.map(({ name }) => name));
  const texts = [page, loginPage, ...assets.map(({ text }) => text)];
  const patterns = [/ from "\.\/([^"]+)"/g, /"\/_proxy\/dashboard\/([^"]+\.[a-z]+)"/g];
  const asked = texts.flatMap((text) => patterns.flatMap((each) => [...text.matchAll(each)]));
  const named = asked.map(([, name = ""]) => name);
  expect(named).toContain("chart.js");
  expect(named).toContain("world.json");
  expect(named.filter((name) => !names.has(name))).toEqual([]);
  // And nothing else is.
  expect([...names].filter((name) => !named.includes(name))).toEqual([]);
});
