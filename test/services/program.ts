/** Server programs that tests need: installed where they are missing, started, killed and started again. */

import { createServer } from "node:net";
import { join } from "node:path";

/** Where programs are kept that the project has fetched or built itself. */
export const BIN_DIRECTORY = join(import.meta.dir, "../../.cache/bin");

/** A server program that runs. */
export interface Program {
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same directory and port; resolves when it answers. */
  start(): Promise<void>;
  /** Stops its clock: connections are taken by the system, and nobody reads them. */
  freeze(): void;
  /** Lets it go on. */
  thaw(): void;
}

/** How a program is started. */
export interface ProgramSpec {
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** True when it answers; false or an error otherwise. */
  readonly answers: () => Promise<boolean>;
  /** Longest time from its start to its first answer, in milliseconds. */
  readonly startDeadlineMs: number;
}

/** Starts a program. Throws with its output where it ends or doesn't answer in time. It ends with this process at the latest. */
export async function startProgram(spec: ProgramSpec): Promise<Program> {
  let child: Bun.Subprocess<"ignore", "pipe", "pipe"> | undefined;
  const end = () => child?.kill("SIGKILL");
  process.once("exit", end);
  const start = async () => {
    child = Bun.spawn([...spec.command], {
      env: { ...process.env, ...spec.environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    const deadlineMs = performance.now() + spec.startDeadlineMs;
    while (!(await spec.answers().catch(() => false))) {
      if (child.exitCode === null && performance.now() < deadlineMs) {
        await Bun.sleep(20);
        continue;
      }
      end();
      throw new Error(`"${spec.command.join(" ")}" did not start. ${(await output).join("\n").slice(-4000)}`);
    }
  };
  await start();
  return {
    async kill() {
      end();
      await child?.exited;
    },
    start,
    freeze: () => child?.kill("SIGSTOP"),
    thaw: () => child?.kill("SIGCONT"),
  };
}

/** Runs a command to its end. Throws with its output where it fails. */
export async function run(
  command: readonly string[],
  { cwd = process.cwd(), environment = {} }: { cwd?: string; environment?: Record<string, string> } = {},
): Promise<void> {
  const env = { ...process.env, ...environment };
  const child = Bun.spawn([...command], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const output = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0)
    throw new Error(`"${command.join(" ")}" failed: ${output.join("\n").slice(-4000)}`);
}

/** The path of a program; installs its Debian package first where it is missing. Throws where that can't be done. */
export async function ensureInstalled(program: string, debianPackage: string): Promise<string> {
  const found = Bun.which(program);
  if (found !== null) return found;
  await installPackages(debianPackage);
  const installed = Bun.which(program);
  if (installed === null) throw new Error(`The package "${debianPackage}" brought no "${program}"`);
  return installed;
}

/** Installs Debian packages; needs root. Throws where that can't be done. */
export async function installPackages(...names: readonly string[]): Promise<void> {
  console.error(`Installing ${names.join(" ")}`);
  await run(["apt-get", "update", "-qq"]);
  await run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...names]);
}

/** A port of 127.0.0.1 that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = address !== null && typeof address === "object" ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
