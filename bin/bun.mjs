/**
 * Finds the Bun that came with this package. Plain Node, because it runs before there is a Bun.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** A real binary is tens of megabytes; what npm leaves where it ran no install script is a short text. */
const LEAST_BINARY_BYTES = 1_000_000;

/**
 * The path of the Bun binary, or undefined when the package isn't installed.
 * Where npm ran no install scripts, the package `bun` is an empty shell and the platform's own package
 * (`@oven/bun-<platform>-<architecture>`) has the binary.
 *
 * @param {string} from path of a file in the package that depends on Bun
 */
export function findBun(from) {
  const root = packageFolder(from);
  if (root === undefined) return undefined;
  const name = process.platform === "win32" ? "bun.exe" : "bun";
  const shell = [join(root, "bin", "bun.exe"), join(root, "bin", "bun")];
  const scope = join(dirname(root), "@oven");
  const nested = join(root, "node_modules", "@oven");
  return [...shell, ...binariesIn(scope, name), ...binariesIn(nested, name)].find(isBinary);
}

function packageFolder(from) {
  try {
    return dirname(createRequire(from).resolve("bun/package.json"));
  } catch {
    return undefined;
  }
}

/** npm installs only the platform packages that fit; among those for another C library the fitting one comes first. */
function binariesIn(scope, name) {
  if (!existsSync(scope)) return [];
  const isMusl = process.platform === "linux" && !process.report?.getReport?.().header.glibcVersionRuntime;
  const fits = (folder) => folder.includes("-musl") === isMusl;
  const folders = readdirSync(scope).filter((folder) => folder.startsWith(`bun-${process.platform}-`));
  return folders
    .sort((a, b) => Number(fits(b)) - Number(fits(a)))
    .map((folder) => join(scope, folder, "bin", name));
}

function isBinary(path) {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LEAST_BINARY_BYTES;
}
