/** Builds the image from the Dockerfile with buildah, which needs no engine and no registry. */

import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { ensureInstalled } from "./program.ts";

const ROOT = join(import.meta.dir, "../..");
const IMAGE = "s3proxy-test";
/** What the Dockerfile's commands use of their base image. */
const PROGRAMS = ["/bin/sh", "/bin/mkdir", "/bin/chown", "/bin/rm"];

/** As Debian's images have it. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What a container of an image is started with; the part of it that is asked about here. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly WorkingDir: string;
  readonly Volumes: Readonly<Record<string, object>>;
  readonly ExposedPorts: Readonly<Record<string, object>>;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

/** A built image. */
export interface BuiltImage {
  readonly config: ImageConfig;
  /** Its file system, unpacked. */
  readonly files: string;
  remove(): void;
}

/**
 * Builds the project's image. The base image has this machine's Bun and shell under the name that the Dockerfile gives, for there is no
 * registry to pull it from. Throws with buildah's output where a step fails.
 *
 * @param base name and version, as `FROM` has them
 */
export async function buildImage(base: string): Promise<BuiltImage> {
  const program = await ensureInstalled("buildah", "buildah");
  const folder = mkdtempSync(join(tmpdir(), "s3proxy-image-"));
  const store = [
    "--root",
    join(folder, "store"),
    "--runroot",
    join(folder, "run"),
    "--storage-driver",
    "vfs",
  ];
  const buildah = (...args: string[]) => outputOf([program, ...store, ...args]);
  const build = (tag: string, context: string) =>
    buildah("bud", "--isolation", "chroot", "--format", "docker", "--pull-never", "--tag", tag, context);
  try {
    await build(`docker.io/${base}`, await baseContext(folder));
    await build(IMAGE, ROOT);
    const { Docker } = JSON.parse(await buildah("inspect", "--type", "image", IMAGE));
    const container = (await buildah("from", "--pull-never", IMAGE)).trim();
    const files = (await buildah("mount", container)).trim();
    return { config: Docker.config, files, remove: () => rmSync(folder, { recursive: true, force: true }) };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** The files and the Dockerfile of what stands in for the base image. Returns their folder. */
async function baseContext(folder: string): Promise<string> {
  const context = join(folder, "base");
  const root = join(context, "root");
  const put = (path: string, to = path) => {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    cpSync(path, join(root, to), { dereference: true });
  };
  put(process.execPath, "/usr/local/bin/bun");
  for (const path of PROGRAMS) put(path);
  for (const path of [process.execPath, ...PROGRAMS])
    for (const library of await librariesOf(path)) put(library);
  mkdirSync(join(root, "etc"), { recursive: true });
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/:/bin/sh\nbun:x:1000:1000::/home/bun:/bin/sh\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\nbun:x:1000:\n");
  for (const name of ["tmp", "proc", "dev"]) mkdirSync(join(root, name));
  chmodSync(join(root, "tmp"), 0o1777);
  // Where this machine reaches npm through a proxy of its own, the steps must trust that too.
  const trusted = process.env.NODE_EXTRA_CA_CERTS;
  const isTrusting = trusted !== undefined && existsSync(trusted);
  if (isTrusting) put(trusted);
  const environment = [`PATH=${PATH}`, ...(isTrusting ? [`NODE_EXTRA_CA_CERTS=${trusted}`] : [])];
  const steps = ["FROM scratch", `COPY ${basename(root)} /`, `ENV ${environment.join(" ")}`];
  writeFileSync(join(context, "Dockerfile"), `${steps.join("\n")}\n`);
  return context;
}

async function librariesOf(path: string): Promise<string[]> {
  const output = await outputOf(["ldd", path]);
  return output.match(/\/\S+/g)?.filter((each) => existsSync(each)) ?? [];
}

/** A command's output on stdout. Throws with all of its output where it fails. */
async function outputOf(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], { stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) === 0) return stdout;
  throw new Error(`"${command.join(" ")}" failed: ${`${stdout}\n${stderr}`.slice(-4000)}`);
}
