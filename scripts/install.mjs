/** Makes sure that the project's packages are there, so that one command is enough in a fresh clone. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findBun } from "../bin/bun.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/**
 * The path of the project's Bun; runs `npm ci` first when packages are missing.
 *
 * @param {"to run" | "to develop"} purpose which of the packages are needed
 */
export function installedBun(purpose = "to develop") {
  const needed = { ...manifest.dependencies, ...(purpose === "to develop" ? manifest.devDependencies : {}) };
  const isThere = (name) => existsSync(join(root, "node_modules", name, "package.json"));
  if (!Object.keys(needed).every(isThere)) {
    process.stderr.write("Installing packages (npm ci)...\n");
    const npm = process.platform === "win32" ? "npm.cmd" : "npm";
    const options = ["--no-audit", "--no-fund", "--loglevel=error"];
    const { status } = spawnSync(npm, ["ci", ...options], { cwd: root, stdio: ["ignore", 2, 2] });
    if (status !== 0) process.exit(status ?? 1);
  }
  const bun = findBun(fileURLToPath(import.meta.url));
  if (bun === undefined) {
    process.stderr.write('The package "bun" brought no binary for this machine\n');
    process.exit(1);
  }
  return bun;
}
