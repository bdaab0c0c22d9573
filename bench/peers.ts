/** Whom we are compared with: nginx, Varnish, and the bare runtime. */

import { chmod, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { nginxConfig } from "./nginx.ts";
import type { ServerName } from "./scenarios.ts";
import { BUN, freePort, type Server, startAndWait, startProxy, writeCertificate } from "./servers.ts";
import { varnishCommand, varnishVcl } from "./varnish.ts";

const VERSION_DEADLINE_MS = 5_000;

/** Starts the server of that name in front of the origin and waits until it serves; ours is that of the checkout in `project`. */
export function startNamed(
  name: ServerName,
  project: string,
  originPort: number,
  work: string,
): Promise<Server> {
  if (name === "nginx" || name === "nginx-uncached")
    return startNginx(originPort, work, name === "nginx-uncached");
  if (name === "varnish") return startVarnish(originPort, work);
  if (name === "bare-fetch" || name === "bare-hit") return startBare(name, originPort, work);
  return startProxy(project, originPort, work, name);
}

/** The program that has to be installed for that server; undefined where it is, or none has to be. */
export function missingProgramOf(name: ServerName): string | undefined {
  const program = name.startsWith("nginx") ? "nginx" : name === "varnish" ? "varnishd" : undefined;
  return program !== undefined && Bun.which(program) === null ? program : undefined;
}

/** The versions of the peers that are installed. */
export function peerVersions(): string[] {
  const nginx = Bun.which("nginx") === null ? [] : [nginxVersion().replace("nginx version: ", "")];
  if (Bun.which("varnishd") === null) return nginx;
  const printed = Bun.spawnSync(["varnishd", "-V"], { timeout: VERSION_DEADLINE_MS }).stderr.toString();
  return [...nginx, /varnish-[\d.]+/.exec(printed)?.[0] ?? "varnish"];
}

/** Starts nginx and waits until it serves. */
export async function startNginx(originPort: number, work: string, isUncached = false): Promise<Server> {
  const directory = await mkdtemp(join(work, "nginx-"));
  // A worker of an nginx started by root runs as another user, which must be able to walk to its cache.
  for (const folder of [work, directory]) await chmod(folder, 0o755);
  const [http1Port, h2cPort, tlsPort, uncachedPort] = [freePort(), freePort(), freePort(), freePort()];
  const file = join(directory, "nginx.conf");
  const certificate = await writeCertificate(directory);
  const ports = { http1Port, h2cPort, tlsPort, uncachedPort, originPort };
  await Bun.write(file, nginxConfig({ ...ports, directory, certificate, version: nginxVersion() }));
  return startAndWait(["nginx", "-p", directory, "-c", file], directory, {
    http1: `http://127.0.0.1:${isUncached ? uncachedPort : http1Port}`,
    h2c: `http://127.0.0.1:${h2cPort}`,
    h2tls: `https://127.0.0.1:${tlsPort}`,
  });
}

async function startVarnish(originPort: number, work: string): Promise<Server> {
  const directory = await mkdtemp(join(work, "varnish-"));
  const port = freePort();
  const setup = { port, originPort, directory };
  await Bun.write(join(directory, "default.vcl"), varnishVcl(setup));
  return startAndWait(varnishCommand(setup), directory, everyProtocolAt(port));
}

async function startBare(name: "bare-fetch" | "bare-hit", originPort: number, work: string): Promise<Server> {
  const directory = await mkdtemp(join(work, `${name}-`));
  const port = freePort();
  const command = [BUN, join(import.meta.dirname, `${name}.ts`), String(port), String(originPort)];
  return startAndWait(command, directory, everyProtocolAt(port));
}

function everyProtocolAt(port: number): Server["address"] {
  const base = `http://127.0.0.1:${port}`;
  return { http1: base, h2c: base, h2tls: base };
}

/** nginx prints its version on standard error. */
function nginxVersion(): string {
  return Bun.spawnSync(["nginx", "-v"], { timeout: VERSION_DEADLINE_MS }).stderr.toString().trim();
}
