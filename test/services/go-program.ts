/** Programs in Go that the tests need, built from their modules. */

import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { BIN_DIRECTORY, run } from "./program.ts";

/** A program: its name, and the module it is built from. */
export interface GoProgram {
  /** Its variable is the name in capitals. */
  readonly name: string;
  /** As `go install` takes it. */
  readonly module: string;
  readonly version: string;
}

/**
 * The path of a program: the one of its variable, else of PATH, else of the project's `.cache/bin`, else one that is built there,
 * which may take minutes the first time. Throws when none can be had.
 */
export async function ensureGoProgram({ name, module, version }: GoProgram): Promise<string> {
  const variable = name.toUpperCase();
  const given = process.env[variable];
  if (given !== undefined && given !== "") {
    if (existsSync(given)) return given;
    throw new Error(`${variable} is "${given}", and there is no such file`);
  }
  const built = join(BIN_DIRECTORY, name);
  const found = Bun.which(name) ?? (existsSync(built) ? built : null);
  if (found !== null) return found;
  const go = Bun.which("go");
  if (go === null) {
    throw new Error(
      `There is no ${name} and no go to build it with: ${variable} is not set, ` +
        `"${name}" and "go" are not on PATH, and "${built}" does not exist`,
    );
  }
  console.error(`Building ${name} ${version} into ${BIN_DIRECTORY}; this may take minutes`);
  await build(go, `${module}@${version}`);
  return built;
}

/** The path of a program whose source is a folder here; built in `.cache/bin` each time, which is quick where nothing has changed. */
export async function buildGoProgram(name: string, folder: string): Promise<string> {
  const go = Bun.which("go");
  if (go === null) throw new Error(`There is no "go" on PATH to build ${name} with`);
  await mkdir(BIN_DIRECTORY, { recursive: true });
  const built = join(BIN_DIRECTORY, name);
  await run([go, "build", "-buildvcs=false", "-o", built, "."], { cwd: folder });
  return built;
}

async function build(go: string, module: string): Promise<void> {
  await mkdir(BIN_DIRECTORY, { recursive: true });
  await run([go, "install", module], { environment: { GOBIN: BIN_DIRECTORY } });
}
