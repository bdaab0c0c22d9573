/** The servers of the benchmark: the origin, this project (or another checkout of it), and nginx. */

import { closeSync, openSync } from "node:fs";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { nginxConfig } from "./nginx.ts";
import { cpuTimeMs, startHelper, startServer } from "./processes.ts";
import type { Protocol } from "./scenarios.ts";

/** A server under test. */
export interface Server {
  /** The heading of its column. */
  readonly name: string;
  readonly address: Readonly<Record<Protocol, string>>;
  readonly cpuTimeMs: () => number | undefined;
}

/** The server that stands in for S3. */
export interface Origin {
  readonly port: number;
  /** How many objects it was asked for so far. */
  readonly objectRequests: () => Promise<number>;
}

const BUN = process.execPath;
const START_DEADLINE_MS = 20_000;
const START_POLL_MS = 50;

/** Starts the origin and waits until it listens. */
export async function startOrigin(): Promise<Origin> {
  const child = startHelper([BUN, join(import.meta.dirname, "origin.ts")]);
  const { value } = await child.stdout.getReader().read();
  const port = Number(new TextDecoder().decode(value));
  if (!(port > 0))
    throw new Error(`The origin didn't start, it printed "${new TextDecoder().decode(value)}"`);
  return {
    port,
    objectRequests: async () => Number(await (await fetch(`http://127.0.0.1:${port}/requests`)).text()),
  };
}

/** Starts the proxy of the checkout in `project` with one thread and waits until it serves. */
export async function startProxy(
  name: string,
  project: string,
  originPort: number,
  work: string,
): Promise<Server> {
  const directory = join(work, name);
  await mkdir(directory, { recursive: true });
  const port = freePort();
  const command = [BUN, join(project, "src/main.ts"), "--bucket", "bucket", "--no-sign", "--threads", "1"];
  command.push("--endpoint", `http://127.0.0.1:${originPort}`, "--host", "127.0.0.1", "--port", String(port));
  command.push("--ttl", "3600", "--cache-dir", join(directory, "cache"), "--dir", join(directory, "logs"));
  return startAndWait(name, command, directory, {
    http1: `http://127.0.0.1:${port}`,
    h2c: `http://127.0.0.1:${port}`,
  });
}

/** Starts nginx in front of the same origin and waits until it serves. */
export async function startNginx(version: string, originPort: number, work: string): Promise<Server> {
  const directory = join(work, "nginx");
  await mkdir(directory, { recursive: true });
  // A worker of an nginx started by root runs as another user, which must be able to walk to its cache.
  await chmod(work, 0o755);
  const [http1Port, h2cPort] = [freePort(), freePort()];
  const file = join(directory, "nginx.conf");
  await Bun.write(file, nginxConfig({ http1Port, h2cPort, originPort, directory, version }));
  const address = { http1: `http://127.0.0.1:${http1Port}`, h2c: `http://127.0.0.1:${h2cPort}` };
  return startAndWait("nginx", ["nginx", "-p", directory, "-c", file], directory, address);
}

async function startAndWait(
  name: string,
  command: readonly string[],
  directory: string,
  address: Server["address"],
): Promise<Server> {
  const logFile = join(directory, "output.log");
  closeSync(openSync(logFile, "w"));
  const child = startServer(command, logFile);
  const deadlineMs = performance.now() + START_DEADLINE_MS;
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  while (performance.now() < deadlineMs && !hasEnded()) {
    const status = await fetch(`${address.http1}/index.html`).then(
      (response) => response.status,
      () => undefined,
    );
    if (status === 200) return { name, address, cpuTimeMs: () => cpuTimeMs(child.pid) };
    await Bun.sleep(START_POLL_MS);
  }
  const end = hasEnded()
    ? `ended with ${child.exitCode ?? child.signalCode}`
    : `didn't answer 200 in ${START_DEADLINE_MS} ms`;
  throw new Error(`${name} ${end}\n${command.join(" ")}\n${await Bun.file(logFile).text()}`);
}

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
