#!/usr/bin/env node
import { fileURLToPath } from "node:url";
import { findBun } from "./bun.mjs";
import { runAs } from "./run.mjs";

const bun = findBun(fileURLToPath(import.meta.url));
if (bun === undefined) {
  process.stderr.write('s3proxy: the package "bun" is not installed, run "npm install" first\n');
  process.exit(1);
}
runAs(bun, [fileURLToPath(new URL("../src/main.ts", import.meta.url)), ...process.argv.slice(2)]);
