/** The image, built as the Dockerfile says, and a container of it as strict as Kubernetes makes one. Run by `npm run test:services`. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, PROTOCOLS } from "../support/client.ts";
import { bucketFlags, listeningPort, spawnProxy } from "../support/proxy.ts";
import { sampleFile, uploadSampleSite } from "../support/sample-site.ts";
import { framesIn, startSite, until } from "../support/site.ts";
import { type BuiltImage, buildImage } from "./buildah.ts";
import { freePort } from "./program.ts";

/** What is missing is installed first, in milliseconds. */
const PREPARE_MS = 300_000;
setDefaultTimeout(30_000);

const ROOT = join(import.meta.dir, "../..");
const VOLUME = "/var/cache/s3proxy";
const [USER, GROUP] = [1000, 1000];
/** Read-only but for the volume, and without root: as `docker run --read-only` does. */
const CONTAINER = `set -e
mount --bind "$1" "$1"
mount -o remount,ro,bind "$1"
mount --bind "$2" "$1${VOLUME}"
mount -t proc proc "$1/proc"
mount --bind /dev "$1/dev"
user="$3" root="$1" folder="$4"
shift 4
exec chroot --userspec="$user" "$root" /bin/sh -c 'cd "$0" && exec "$@"' "$folder" "$@"`;

let image: BuiltImage;
let volume: string;

beforeAll(async () => {
  const [, base = ""] = /^FROM (\S+)$/m.exec(readFileSync(join(ROOT, "Dockerfile"), "utf8")) ?? [];
  image = await buildImage(base);
  volume = mkdtempSync(join(tmpdir(), "s3proxy-volume-"));
  // As a volume of Kubernetes with `fsGroup`: it belongs to root, and the group may write.
  chownSync(volume, 0, GROUP);
  chmodSync(volume, 0o2770);
}, PREPARE_MS);
afterAll(() => {
  image?.remove();
  if (volume !== undefined) rmSync(volume, { recursive: true, force: true });
});

/** What runs a command as a container of the image does. */
function inContainer(command: readonly string[]): string[] {
  const { User, WorkingDir } = image.config;
  return [
    "unshare",
    "--mount",
    "sh",
    "-c",
    CONTAINER,
    "sh",
    image.files,
    volume,
    User,
    WorkingDir,
    ...command,
  ];
}

function environmentOf(more: Record<string, string> = {}): Record<string, string> {
  return { ...Object.fromEntries(image.config.Env.map((each) => each.split(/=(.*)/s, 2))), ...more };
}

test("the image has the program, what it needs, and nothing else", async () => {
  const app = join(image.files, "app");
  expect(readdirSync(app).sort()).toEqual(["LICENSE", "health.ts", "node_modules", "package.json", "src"]);
  const sources = (folder: string) => [...new Bun.Glob("**/*.ts").scanSync(folder)].sort();
  expect(sources(join(app, "src"))).toEqual(
    sources(join(ROOT, "src")).filter((path) => !path.endsWith(".test.ts")),
  );
});

test("the image's libraries are those of package-lock.json", async () => {
  const { packages } = await Bun.file(join(ROOT, "package-lock.json")).json();
  const installed = new Map<string, string>();
  for (const path of new Bun.Glob("node_modules/**/package.json").scanSync(join(image.files, "app"))) {
    const { version } = await Bun.file(join(image.files, "app", path)).json();
    const folder = path.slice(0, -"/package.json".length);
    // Others say only of what kind the modules in a folder are.
    if (/\/node_modules\/(@[^/]+\/)?[^/]+$/.test(`/${folder}`)) installed.set(folder, version);
  }
  const names = [...installed.keys()];
  for (const needed of ["ipaddr.js", "mongodb", "@aws-sdk/credential-providers"])
    expect(names).toContain(`node_modules/${needed}`);
  const locked = names.map((name) => [name, packages[name]?.version]);
  expect([...installed]).toEqual(locked as [string, string][]);
});

test("a container isn't root, and says what it opens and what it keeps", () => {
  const { User, Volumes, ExposedPorts } = image.config;
  expect([User, Object.keys(Volumes), Object.keys(ExposedPorts)]).toEqual([
    `${USER}:${GROUP}`,
    [VOLUME],
    ["8000/tcp"],
  ]);
});

test("a container serves from a read-only file system, keeps objects in its volume, and ends with 0", async () => {
  const site = await startSite();
  await uploadSampleSite(site.s3);
  const port = await freePort();
  const environment = environmentOf({ PORT: String(port), THREADS: "2" });
  const command = inContainer(image.config.Entrypoint);
  const program = spawnProxy(bucketFlags(site.location), environment, command);
  expect(await listeningPort(program)).toBe(port);

  const page = await sampleFile("index.html").text();
  for (const protocol of PROTOCOLS) expect((await ask(port, { protocol, path: "/" })).text).toBe(page);
  await until(() => framesIn(join(volume, "objects")).length === 1);
  expect(readFileSync(`/proc/${program.pid}/status`, "utf8")).toContain(
    `\nUid:\t${USER}\t${USER}\t${USER}\t`,
  );
  expect(await health(environment)).toEqual({ exitCode: 0, stdout: "", stderr: "" });

  program.signal("SIGTERM");
  expect((await program.ended).exitCode).toBe(0);
  expect((await health(environment)).exitCode).toBe(1);
  await site.stop();
});

function health(environment: Record<string, string>) {
  const [how, ...command] = image.config.Healthcheck.Test;
  expect(how).toBe("CMD");
  return spawnProxy([], environment, inContainer(command)).ended;
}
