/** compose.yaml, read by the library that `docker compose` reads it with: no Docker engine is needed. Run by `npm run test:services`. */

import { beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { buildGoProgram } from "./go-program.ts";

/** The library is built the first time, in milliseconds. */
const BUILD_MS = 600_000;

const text = await Bun.file(join(import.meta.dir, "../../compose.yaml")).text();
let reader: string;

beforeAll(async () => {
  reader = await buildGoProgram("compose-reader", join(import.meta.dir, "compose"));
}, BUILD_MS);

async function complaintsAbout(compose: string): Promise<string> {
  const child = Bun.spawn([reader], { stdin: new Blob([compose]), stderr: "pipe" });
  const [complaints, exitCode] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  expect(exitCode).toBe(complaints === "" ? 0 : 1);
  return complaints;
}

test("it is one that docker compose takes", async () => {
  expect(await complaintsAbout(text)).toBe("");
});

test.each([
  ["a field that there isn't", "    read_only: true", "    readonly: true", "readonly"],
  ["a service that there isn't", "      sample: { condition", "      smaple: { condition", "smaple"],
  ["a volume that there isn't", "cache:/var/cache/s3proxy", "cash:/var/cache/s3proxy", "cash"],
])("%s would be noticed", async (_what, right, wrong, name) => {
  expect(text).toContain(right);
  expect(await complaintsAbout(text.replace(right, wrong))).toContain(name);
});
