/** What the tests of serving share: a bucket behind the program, and every way of asking for one path. */

import { expect } from "bun:test";
import { type Answer, type Ask, ask, PROTOCOLS, type Protocol } from "../support/client.ts";
import { LEAK_MARKERS, type MemoryS3, type MemoryS3Options, startMemoryS3 } from "../support/memory-s3.ts";
import { type ProxyOptions, type RunningProxy, startProxy } from "../support/proxy.ts";

/** The token of the management endpoint, with which tests make the cache cold. */
export const AUTH_KEY = "sesame+open/09~=";
export const CLEAR_PATH = "/_proxy/_private/_cache/clear";

/** A programmable bucket and the program that serves it. */
export interface Serving {
  readonly s3: MemoryS3;
  readonly proxy: RunningProxy;
  readonly port: number;
  stop(): Promise<void>;
}

/** How to start both. */
export interface ServingOptions extends Omit<ProxyOptions, "s3"> {
  readonly bucket?: MemoryS3Options;
  /** True to start without an `--auth-key`. */
  readonly isClosed?: boolean;
}

/** Starts both. */
export async function startServing(options: ServingOptions = {}): Promise<Serving> {
  const s3 = await startMemoryS3(options.bucket);
  const args = [...(options.isClosed === true ? [] : ["--auth-key", AUTH_KEY]), ...(options.args ?? [])];
  const proxy = await startProxy({ ...options, s3, args });
  const stop = async () => {
    await proxy.stop();
    await s3.stop();
  };
  return { s3, proxy, port: proxy.port, stop };
}

/** One answer, and how it was asked for. */
export interface Asked {
  /** Such as `HTTP/2 HEAD cold`. */
  readonly way: string;
  readonly protocol: Protocol;
  readonly method: "GET" | "HEAD";
  readonly isCold: boolean;
  readonly answer: Answer;
}

/** Empties the cache through the management endpoint. */
export async function makeCold(port: number): Promise<void> {
  const headers = { Authorization: `Bearer ${AUTH_KEY}` };
  const cleared = await ask(port, { method: "DELETE", path: CLEAR_PATH, headers });
  if (cleared.status !== 200) throw new Error(`The cache could not be cleared: ${cleared.status}`);
}

/**
 * Asks over both protocols, with a cold and a hot cache, by GET and by HEAD: eight answers. The last cold one is a GET: once
 * it has its last byte the object is stored.
 */
export async function askEveryWay(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Asked[]> {
  const asked: Asked[] = [];
  for (const protocol of PROTOCOLS) {
    for (const isCold of [true, false]) {
      for (const method of isCold ? (["HEAD", "GET"] as const) : (["GET", "HEAD"] as const)) {
        if (isCold) await makeCold(port);
        const answer = await ask(port, { protocol, method, path, headers });
        asked.push({
          way: `${protocol} ${method} ${isCold ? "cold" : "hot"}`,
          protocol,
          method,
          isCold,
          answer,
        });
      }
    }
  }
  return asked;
}

/** Expects one status and one body every way, HEAD without the body, every answer whole and nothing of S3 in it. */
export async function expectEveryWay(
  port: number,
  path: string,
  expected: { readonly status: number; readonly body?: string | Uint8Array },
  headers: Readonly<Record<string, string>> = {},
): Promise<Asked[]> {
  const all = await askEveryWay(port, path, headers);
  for (const { way, method, answer } of all) {
    expect({ way, path, status: answer.status }).toEqual({ way, path, status: expected.status });
    expect({ way, path, isComplete: answer.isComplete }).toEqual({ way, path, isComplete: true });
    if (method === "HEAD") expect({ way, path, body: answer.text }).toEqual({ way, path, body: "" });
    else if (expected.body !== undefined) expectBody(answer, expected.body, `${way} ${path}`);
    expectNoLeak(answer, way);
  }
  return all;
}

/** Whether a client could take the answer for a whole one; a connection that is reset tells it at once. */
export async function arrivesWhole(port: number, request: Ask): Promise<boolean> {
  try {
    return (await ask(port, request)).isComplete;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ECONNRESET") return false;
    throw error;
  }
}

/** Compares bodies byte for byte, without printing large ones. */
export function expectBody(answer: Answer, body: string | Uint8Array, way: string): void {
  const wanted = Buffer.from(body);
  if (wanted.length <= 2000) {
    expect({ way, body: answer.body.toString("latin1") }).toEqual({ way, body: wanted.toString("latin1") });
    return;
  }
  const isSame = answer.body.equals(wanted);
  expect({ way, bytes: answer.body.length, isSame }).toEqual({ way, bytes: wanted.length, isSame: true });
}

/** Expects nothing of S3's own headers and error documents in an answer. */
export function expectNoLeak(answer: Answer, way = ""): void {
  const names = Object.keys(answer.headers).filter((name) => name.startsWith("x-amz-") || name === "server");
  const whole = `${JSON.stringify(answer.headers)}\n${answer.text}`;
  const markers = LEAK_MARKERS.filter((marker) => whole.includes(marker));
  expect({ way, names, markers }).toEqual({ way, names: [], markers: [] });
}
