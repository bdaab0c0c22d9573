import { expect, test } from "bun:test";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");

test("the image has the Bun that package.json pins", async () => {
  const manifest = await Bun.file(join(ROOT, "package.json")).json();
  const dockerfile = await Bun.file(join(ROOT, "Dockerfile")).text();
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
  const base = `oven/bun:${manifest.dependencies.bun}-slim`;
  expect(bases).toEqual([base, base]);
});
