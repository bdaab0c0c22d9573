/** The servers of the benchmark: the origin, and this project or another checkout of it. */

import { closeSync, openSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { makeCertificate } from "../test/support/certificate.ts";
import { cpuTimeMs, memoryBytes, startHelper, startServer, stop } from "./processes.ts";
import { FEW_BYTES, type Protocol, type ServerName } from "./scenarios.ts";

/** A server under test. */
export interface Server {
  readonly pid: number;
  /** By protocol; what it doesn't speak fails. */
  readonly address: Readonly<Record<Protocol, string>>;
  /** From the start of the process to its first answer. */
  readonly startMs: number;
  readonly cpuTimeMs: () => number | undefined;
  readonly memoryBytes: () => number;
  readonly stop: () => Promise<void>;
}

/** The server that stands in for S3. */
export interface Origin {
  readonly port: number;
  /** How many objects it was asked for so far. */
  readonly objectRequests: () => Promise<number>;
}

/** The program that runs TypeScript. */
export const BUN = process.execPath;
const START_DEADLINE_MS = 20_000;
/** As short as the time to the first answer is wanted exact. */
const START_POLL_MS = 2;

/** Starts the origin and waits until it listens. */
export async function startOrigin(): Promise<Origin> {
  const printed = await startAndRead("origin.ts");
  const port = Number(printed);
  if (!(port > 0)) throw new Error(`The origin didn't start, it printed "${printed}"`);
  return {
    port,
    objectRequests: async () => Number(await (await fetch(`http://127.0.0.1:${port}/requests`)).text()),
  };
}

/** Starts the proxy of the checkout in `project` with one thread, as `name` says, and waits until it serves. */
export async function startProxy(
  project: string,
  originPort: number,
  work: string,
  name: ServerName = "s3proxy",
): Promise<Server> {
  const directory = await mkdtemp(join(work, `${name}-`));
  const port = freePort();
  const command = [BUN, join(project, "src/main.ts"), "--bucket", "bucket", "--no-sign", "--threads", "1"];
  command.push("--endpoint", `http://127.0.0.1:${originPort}`, "--host", "127.0.0.1", "--port", String(port));
  command.push("--ttl", "3600", "--cache-dir", join(directory, "cache"), "--dir", directory);
  // Either bound alone would leave room in the other place.
  if (name === "s3proxy-few")
    command.push("--cache-size", String(FEW_BYTES), "--memory-size", String(FEW_BYTES));
  if (name === "s3proxy-visits") {
    const [linePort, mongoPort] = (await startAndRead("sink.ts")).trim().split(" ");
    command.push("--ilp-host", "127.0.0.1", "--ilp-port", linePort ?? "");
    command.push("--mongo-uri", `mongodb://127.0.0.1:${mongoPort}`);
  }
  const isTls = name === "s3proxy-tls";
  if (isTls) {
    const { certFile, keyFile } = await writeCertificate(directory);
    command.push("--tls-cert", certFile, "--tls-key", keyFile);
  }
  const base = `${isTls ? "https" : "http"}://127.0.0.1:${port}`;
  return startAndWait(command, directory, { http1: base, h2c: base, h2tls: base });
}

/** Starts `command` and waits until it answers `GET /index.html` with 200. Throws with what it printed where it doesn't. */
export async function startAndWait(
  command: readonly string[],
  directory: string,
  address: Server["address"],
): Promise<Server> {
  const logFile = join(directory, "output.log");
  closeSync(openSync(logFile, "w"));
  const startedMs = performance.now();
  const child = startServer(command, logFile);
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  while (performance.now() < startedMs + START_DEADLINE_MS && !hasEnded()) {
    const url = `${address.http1}/index.html`;
    const status = await fetch(url, { tls: { rejectUnauthorized: false } }).then(
      (response) => response.status,
      () => undefined,
    );
    if (status === 200) {
      return {
        pid: child.pid,
        address,
        startMs: performance.now() - startedMs,
        cpuTimeMs: () => cpuTimeMs(child.pid),
        memoryBytes: () => memoryBytes(child.pid),
        stop: () => stop(child),
      };
    }
    await Bun.sleep(START_POLL_MS);
  }
  const end = hasEnded()
    ? `ended with ${child.exitCode ?? child.signalCode}`
    : `didn't answer 200 in ${START_DEADLINE_MS} ms`;
  throw new Error(`${command[0]} ${end}\n${command.join(" ")}\n${await Bun.file(logFile).text()}`);
}

/** Makes a certificate for 127.0.0.1 in `directory`. */
export async function writeCertificate(directory: string): Promise<{ certFile: string; keyFile: string }> {
  const { cert, key } = makeCertificate("localhost");
  const [certFile, keyFile] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  await Promise.all([Bun.write(certFile, cert), Bun.write(keyFile, key)]);
  return { certFile, keyFile };
}

/** A port that nobody listens on now. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

/** Starts a script of this folder beside the load and gives back what it prints first. */
async function startAndRead(script: string): Promise<string> {
  const child = startHelper([BUN, join(import.meta.dirname, script)]);
  const { value } = await child.stdout.getReader().read();
  return new TextDecoder().decode(value);
}
