/** Bun itself for a platform: the one that runs this, else the one that npm has. */

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const CACHE = join(ROOT, ".cache", "bun");
/** Bun's packages call the architectures so. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "x64", arm64: "aarch64" };

/**
 * The path of Bun's executable for a platform such as `linux-arm64` (with glibc), of the version that package-lock.json names.
 * It is fetched once and kept in `.cache/bun`. Throws where it can't be had, or isn't the one whose digest the lock has.
 */
export async function bunExecutable(platform: string): Promise<string> {
  if (platform === ownPlatform()) return process.execPath;
  const [system, architecture = ""] = platform.split("-");
  const name = `@oven/bun-${system}-${ARCHITECTURES[architecture]}`;
  const { version, integrity } = await lockedPackage(name);
  const kept = join(CACHE, `bun-${platform}-${version}`);
  if (!existsSync(kept)) await fetchExecutable(`${name}@${version}`, integrity, kept);
  return kept;
}

/** The platform this runs on; undefined with another C library, for which no executable is built. */
function ownPlatform(): string | undefined {
  const report = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  if (process.platform === "linux" && report.header.glibcVersionRuntime === undefined) return undefined;
  return `${process.platform}-${process.arch}`;
}

async function lockedPackage(name: string): Promise<{ version: string; integrity: string }> {
  const lock = await Bun.file(join(ROOT, "package-lock.json")).json();
  const found = lock.packages[`node_modules/${name}`];
  if (found === undefined) throw new Error(`package-lock.json doesn't have the package "${name}"`);
  return found;
}

async function fetchExecutable(spec: string, integrity: string, path: string): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, "fetch-"));
  try {
    await run(["npm", "pack", spec, "--silent", "--pack-destination", folder]);
    const [archive = ""] = await Array.fromAsync(new Bun.Glob("*.tgz").scan(folder));
    const bytes = await Bun.file(join(folder, archive)).bytes();
    const digest = `sha512-${new Bun.CryptoHasher("sha512").update(bytes).digest("base64")}`;
    if (digest !== integrity)
      throw new Error(`"${spec}" is ${digest}, and package-lock.json says ${integrity}`);
    await run(["tar", "-xzf", join(folder, archive), "-C", folder]);
    await rename(join(folder, "package/bin/bun"), path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(command: readonly string[]): Promise<void> {
  const child = Bun.spawn([...command], { stdio: ["ignore", "ignore", "inherit"] });
  if ((await child.exited) !== 0) throw new Error(`"${command.join(" ")}" failed`);
}
