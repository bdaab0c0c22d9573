import { expect, test } from "bun:test";
import { join } from "node:path";
import { markdownTable } from "../src/config/usage.ts";

const readme = await Bun.file(join(import.meta.dir, "../README.md")).text();
const manifest = await Bun.file(join(import.meta.dir, "../package.json")).json();

test("README's table of options is the one the option table makes", () => {
  const [, table] = /<!-- options:[^\n]*\n([\s\S]*?)<!-- \/options -->/.exec(readme) ?? [];
  expect(table).toBe(markdownTable());
});

test("every npm command README names is a script", () => {
  const named = [...readme.matchAll(/npm (?:run )?(start|test|demo|bench|build|check|test:services)\b/g)].map(
    (match) => String(match[1]),
  );
  expect(named).toContain("demo");
  expect(named.filter((name) => !(name in manifest.scripts))).toEqual([]);
});

test("README's first screen has the two commands", () => {
  const firstScreen = readme.split("\n").slice(0, 25).join("\n");
  expect(firstScreen).toContain("npm run demo");
  expect(firstScreen).toContain("npm test");
});
