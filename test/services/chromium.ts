import { existsSync } from "node:fs";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
/** Debian's commands for it; they need root. */
const INSTALL = [
  ["apt-get", "update"],
  ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"],
];

/**
 * The path of a Chromium: the one of CHROMIUM, else of PATH, else one that apt-get installs, which takes minutes. Throws when none can be had.
 */
export async function ensureChromium(): Promise<string> {
  const given = process.env.CHROMIUM;
  if (given !== undefined && given !== "") {
    if (existsSync(given)) return given;
    throw new Error(`CHROMIUM is "${given}", and there is no such file`);
  }
  const found = findChromium();
  if (found !== undefined) return found;
  for (const command of INSTALL) await run(command);
  const installed = findChromium();
  if (installed === undefined)
    throw new Error(`"${INSTALL.at(-1)?.join(" ")}" brought no program "${NAMES[0]}"`);
  return installed;
}

function findChromium(): string | undefined {
  return NAMES.map((name) => Bun.which(name)).find((path) => path !== null) ?? undefined;
}

async function run(command: readonly string[]): Promise<void> {
  const line = command.join(" ");
  if (Bun.which(command[0] ?? "") === null) {
    throw new Error(
      `There is no Chromium and no apt-get to install it with: none of ${NAMES.join(", ")} is on PATH`,
    );
  }
  console.error(`Running "${line}"; this can take minutes`);
  const child = Bun.spawn([...command], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const output = await new Response(child.stderr).text();
  const exitCode = await child.exited;
  if (exitCode !== 0) throw new Error(`"${line}" failed with ${exitCode}: ${output}`);
}
