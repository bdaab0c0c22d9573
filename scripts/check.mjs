/** `npm run check`: format and lint, types, import direction. Runs all of them and fails if one does. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installedBun } from "./install.mjs";

const bun = installedBun();
const root = fileURLToPath(new URL("..", import.meta.url));
const tool = (...path) => join(root, "node_modules", ...path);

const checks = [
  [
    "format and lint",
    process.execPath,
    [tool("@biomejs", "biome", "bin", "biome"), "check", "--error-on-warnings", "."],
  ],
  ["types", process.execPath, [tool("typescript", "bin", "tsc"), "--noEmit", "-p", "."]],
  // What runs in a browser, by its comments and against what the server sends.
  [
    "types of the dashboard",
    process.execPath,
    [tool("typescript", "bin", "tsc"), "--noEmit", "-p", "tsconfig.dashboard.json"],
  ],
  ["import direction", bun, ["test", "./test/imports.test.ts"]],
];

let failed = 0;
for (const [name, command, args] of checks) {
  process.stdout.write(`\n== ${name}\n`);
  if (spawnSync(command, args, { cwd: root, stdio: "inherit" }).status !== 0) failed++;
}
process.exit(failed === 0 ? 0 : 1);
