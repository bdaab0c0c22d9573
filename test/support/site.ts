/** An S3, a gate before it, and proxies behind the gate: what tests of the cache need, ended together. */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBackend } from "./backend.ts";
import { type Answer, type Ask, ask } from "./client.ts";
import { type Gate, type GateRequest, startGate } from "./gate.ts";
import { type ProxyOptions, type RunningProxy, startProxy } from "./proxy.ts";
import type { S3Location } from "./s3-backend.ts";

/** Token of the management endpoints of every proxy of a site. */
export const AUTH_KEY = "a-management-token";

/** What a site needs of an S3. */
type Server = S3Location & { stop(): Promise<void> };

/** A running S3 with its gate. */
export interface Site<S3 extends Server> {
  readonly s3: S3;
  readonly gate: Gate;
  /** The bucket as it is behind the gate. */
  readonly location: S3Location;
  /** Starts a proxy that asks through the gate. */
  start(options?: ProxyOptions): Promise<RunningProxy>;
  /** What S3 was asked for a key and what the programs have logged of it: for the message of a test that counts requests. */
  explain(key: string): string;
  /** A new directory, removed with the site. */
  directory(): string;
  stop(): Promise<void>;
}

/** Starts a site with the S3 that the tests run against. */
export const startSite = async () => startSiteOf(await startBackend());

/** Starts a site with an S3 of the caller's; it is stopped with the site. */
export async function startSiteOf<S3 extends Server>(s3: S3): Promise<Site<S3>> {
  const gate = await startGate(s3.endpoint);
  const { bucket, region, accessKeyId, secretAccessKey } = s3;
  const location = { bucket, region, accessKeyId, secretAccessKey, endpoint: gate.endpoint };
  const proxies: RunningProxy[] = [];
  const directories: string[] = [];
  return {
    s3,
    gate,
    location,
    async start(options = {}) {
      const args = ["--auth-key", AUTH_KEY, ...(options.args ?? [])];
      const proxy = await startProxy({ s3: location, ...options, args });
      proxies.push(proxy);
      return proxy;
    },
    explain(key) {
      const lines = proxies.flatMap((proxy) => proxy.stdout().split("\n"));
      const logged = lines.filter((line) => line.includes(`key=${key}`));
      return [
        `S3 was asked for "${key}":`,
        ...gate.requestsOf(key).map(lineOf),
        "The programs have logged:",
        ...logged,
      ].join("\n");
    },
    directory() {
      const directory = mkdtempSync(join(tmpdir(), "s3proxy-test-"));
      directories.push(directory);
      return directory;
    },
    async stop() {
      for (const proxy of proxies) await proxy.stop();
      await gate.stop();
      await s3.stop();
      for (const directory of directories) rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A request with what it makes conditional or one of a part. */
function lineOf({ method, headers, status }: GateRequest): string {
  const asked = Object.entries(headers).filter(([name]) => name === "range" || name.startsWith("if-"));
  return `${method} ${status ?? "unanswered"} ${JSON.stringify(Object.fromEntries(asked))}`;
}

/** GETs a path, over HTTP/1.1 where nothing else is said. */
export function get(proxy: RunningProxy, path: string, more: Partial<Ask> = {}): Promise<Answer> {
  return ask(proxy.port, { path, ...more });
}

/** Clears the cache and returns the number of objects that the answer names. */
export async function clear(proxy: RunningProxy): Promise<number> {
  const answer = await ask(proxy.port, {
    method: "DELETE",
    path: "/_proxy/_private/_cache/clear",
    headers: { Authorization: `Bearer ${AUTH_KEY}` },
  });
  if (answer.status !== 200) throw new Error(`The clear was answered ${answer.status}: ${answer.text}`);
  return (JSON.parse(answer.text) as { cleared: number }).cleared;
}

/** Resolves when the condition holds. The test's own time limit is the bound. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(5);
}

/** The names in a directory that look like cached objects, sorted. */
export function framesIn(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .sort();
}

/** Bytes of a length that differ from place to place and from seed to seed. */
export function bytesOf(length: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++)
    bytes[index] = (index * 31 + (index >> 8) * 17 + seed * 101) & 255;
  return bytes;
}
