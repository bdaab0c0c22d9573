/**
 * `npm run build`: the program with Bun inside as one executable for each platform, in `dist/`.
 * Of platforms named as arguments only those: `npm run build -- linux-arm64`.
 */

import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { bunExecutable } from "./bun-executable.ts";

const ROOT = join(import.meta.dir, "..");
/** The program, and each thread's own: nobody imports those. */
const ENTRY_POINTS = ["src/main.ts", "src/threads/edge-worker.ts", "src/threads/publisher-worker.ts"];

/** What can be built, and from where: each platform's from any other. */
export const PLATFORMS = ["linux-x64", "linux-arm64"] as const;
export type Platform = (typeof PLATFORMS)[number];

/** Builds the executable of a platform. Throws where the platform's Bun can't be had or a source is wrong. */
export async function buildProgram(platform: Platform, outfile: string): Promise<void> {
  const executablePath = await bunExecutable(platform);
  await mkdir(dirname(outfile), { recursive: true });
  // Source maps are inside the executable; Bun leaves them beside it as well.
  const folder = await mkdtemp(`${outfile}-`);
  try {
    const built = join(folder, "s3proxy");
    await Bun.build({
      entrypoints: ENTRY_POINTS.map((path) => join(ROOT, path)),
      // A thread's file is named in the code as the neighbour it is there. In the executable all code is in one file at the
      // root, so its neighbours must be there too.
      naming: { entry: "[name].[ext]" },
      sourcemap: "linked",
      compile: {
        target: `bun-${platform}`,
        executablePath,
        outfile: built,
        // What the program does is said by its options, not by files that lie where it is started.
        autoloadDotenv: false,
        autoloadBunfig: false,
      },
    });
    await rename(built, outfile);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const asked = process.argv.slice(2);
  const unknown = asked.find((name) => !PLATFORMS.some((platform) => platform === name));
  if (unknown !== undefined) {
    process.stderr.write(`"${unknown}" can't be built, wanted one of ${PLATFORMS.join(", ")}\n`);
    process.exit(2);
  }
  for (const platform of PLATFORMS) {
    if (asked.length > 0 && !asked.includes(platform)) continue;
    const outfile = join(ROOT, "dist", `s3proxy-${platform}`);
    await buildProgram(platform, outfile);
    process.stdout.write(`${outfile}\n`);
  }
}
