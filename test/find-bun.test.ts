/** The launcher runs under plain Node, so it is asked there. */

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const FINDER = join(import.meta.dir, "../bin/bun.mjs");
const PLATFORM = `bun-${process.platform}-${process.arch}`;
const BINARY_BYTES = 2_000_000;

// Every test starts a process.
setDefaultTimeout(30_000);
const QUESTION = `
  const { findBun } = await import(process.argv[1]);
  const isMusl = process.platform === "linux" && !process.report.getReport().header.glibcVersionRuntime;
  process.stdout.write(JSON.stringify({ found: findBun(process.argv[2]), isMusl }));
`;

interface Answer {
  readonly found?: string;
  readonly isMusl: boolean;
}

let root: string;
let count = 0;
let app: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "s3proxy-find-bun-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  app = join(root, `app-${++count}`);
  file("bin/s3proxy.mjs", "");
});

function file(path: string, content: string | { bytes: number }): string {
  const whole = join(app, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, typeof content === "string" ? content : "");
  if (typeof content !== "string") truncateSync(whole, content.bytes);
  return whole;
}

/** The package as npm leaves it where it runs no install scripts: a short text stands in for the binary. */
function shellPackage(folder = "node_modules"): void {
  file(
    `${folder}/bun/package.json`,
    '{ "name": "bun", "version": "1.4.5", "bin": { "bun": "bin/bun.exe" } }',
  );
  file(`${folder}/bun/bin/bun.exe`, "#!/bin/sh\necho Bun was not installed\nexit 1\n");
}

async function find(): Promise<Answer> {
  const from = join(app, "bin/s3proxy.mjs");
  const node = Bun.spawn(["node", "--input-type=module", "-e", QUESTION, FINDER, from], {
    stderr: "inherit",
  });
  const said = await new Response(node.stdout).text();
  expect(await node.exited).toBe(0);
  return JSON.parse(said) as Answer;
}

describe("findBun", () => {
  test("finds the binary that the install script has put into the package", async () => {
    shellPackage();
    const binary = file("node_modules/bun/bin/bun.exe", { bytes: BINARY_BYTES });
    file(`node_modules/@oven/${PLATFORM}/bin/bun`, { bytes: BINARY_BYTES });
    expect((await find()).found).toBe(binary);
  });
  test("takes the platform package's binary where the package itself has only a short text", async () => {
    shellPackage();
    const binary = file(`node_modules/@oven/${PLATFORM}/bin/bun`, { bytes: BINARY_BYTES });
    expect((await find()).found).toBe(binary);
  });
  test("finds the platform package inside the package, where npm could not put it beside it", async () => {
    shellPackage();
    const binary = file(`node_modules/bun/node_modules/@oven/${PLATFORM}/bin/bun`, { bytes: BINARY_BYTES });
    expect((await find()).found).toBe(binary);
  });
  test("finds what is installed in a folder above, as in a global installation", async () => {
    shellPackage("../node_modules");
    const binary = file(`../node_modules/@oven/${PLATFORM}/bin/bun`, { bytes: BINARY_BYTES });
    expect((await find()).found).toBe(join(root, "node_modules/@oven", PLATFORM, "bin/bun"));
    rmSync(dirname(dirname(dirname(dirname(binary)))), { recursive: true });
  });
  test("takes no package of another platform, and no short text", async () => {
    shellPackage();
    file("node_modules/@oven/bun-plan9-x64/bin/bun", { bytes: BINARY_BYTES });
    file(`node_modules/@oven/${PLATFORM}/bin/bun`, "too short");
    expect((await find()).found).toBeUndefined();
  });
  test("finds nothing where the package isn't installed", async () => {
    expect((await find()).found).toBeUndefined();
  });
  if (process.platform === "linux") {
    test("prefers the binary for this machine's C library", async () => {
      shellPackage();
      const glibc = file(`node_modules/@oven/${PLATFORM}/bin/bun`, { bytes: BINARY_BYTES });
      const musl = file(`node_modules/@oven/${PLATFORM}-musl/bin/bun`, { bytes: BINARY_BYTES });
      const { found, isMusl } = await find();
      expect(found).toBe(isMusl ? musl : glibc);
    });
  }
});
