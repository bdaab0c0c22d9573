/** The real program, started as a user would, on a free port and with folders of its own. */

import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import type { S3Location } from "./s3-backend.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
/** A program that hasn't said within this time, in milliseconds, that it listens or ended is a failure. */
const START_DEADLINE_MS = 20_000;

/** How to start it. */
export interface ProxyOptions {
  /** Further flags, after those that name the bucket. */
  readonly args?: readonly string[];
  /** Environment variables beside PATH and HOME. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The bucket; absent where `args` say everything. */
  readonly s3?: S3Location;
  readonly threads?: number;
  /** A cache directory that outlives the program; a fresh one by default. */
  readonly cacheDir?: string;
  /** What the flags are given to; Bun on `src/main.ts` by default. */
  readonly command?: readonly string[];
}

/** What a program that ended left behind. */
export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The running program. */
export interface RunningProxy {
  readonly port: number;
  readonly pid: number;
  readonly cacheDir: string;
  readonly logDir: string;
  /** Everything written to stdout so far, which is the log. */
  stdout(): string;
  stderr(): string;
  /** Resolves when a line of stdout matches, with that line; one that is there already counts. */
  line(pattern: RegExp): Promise<string>;
  signal(name: NodeJS.Signals): void;
  /** Resolves when it has ended by itself or by a signal. */
  readonly ended: Promise<Ended>;
  /** SIGTERM, wait, remove its folders (but not a `cacheDir` that was given). Does nothing the second time. */
  stop(): Promise<Ended>;
}

/** Starts the program with `--console` and waits until it listens. Rejects with its output where it ends instead. */
export async function startProxy(options: ProxyOptions = {}): Promise<RunningProxy> {
  const folder = mkdtempSync(join(tmpdir(), "s3proxy-test-"));
  const cacheDir = options.cacheDir ?? join(folder, "cache");
  const logDir = folder;
  const flags = [
    "--port",
    "0",
    "--console",
    "--cache-dir",
    cacheDir,
    "--dir",
    logDir,
    "--threads",
    String(options.threads ?? 1),
  ];
  const child = spawnProxy(
    [...bucketFlags(options.s3), ...flags, ...(options.args ?? [])],
    options.environment,
    options.command,
  );
  const ended = child.ended.finally(() => rmSync(folder, { recursive: true, force: true }));
  const port = await listeningPort({ ...child, ended });
  const stop = () => {
    child.signal("SIGTERM");
    return ended;
  };
  return { ...child, port, cacheDir, logDir, ended, stop };
}

/** The port that a started program says it listens on. Rejects with its output where it ends instead, or is killed for saying nothing. */
export async function listeningPort(child: Pick<RunningProxy, "line" | "signal" | "ended">): Promise<number> {
  const failed = child.ended.then((it) =>
    Promise.reject(new Error(`The program ended: ${JSON.stringify(it)}`)),
  );
  failed.catch(() => {});
  const deadline = setTimeout(() => child.signal("SIGKILL"), START_DEADLINE_MS);
  const listening = await Promise.race([child.line(/ Listening /), failed]);
  clearTimeout(deadline);
  return Number(/ port=(\d+)/.exec(listening)?.[1]);
}

/** Runs the program to its end; for what it refuses to start with. */
export async function runProxy(
  args: readonly string[],
  environment?: Readonly<Record<string, string>>,
  command?: readonly string[],
): Promise<Ended> {
  const child = spawnProxy(args, environment, command);
  const deadline = setTimeout(() => child.signal("SIGKILL"), START_DEADLINE_MS);
  const ended = await child.ended;
  clearTimeout(deadline);
  return ended;
}

/** The flags that name a bucket. */
export function bucketFlags(s3: S3Location | undefined): string[] {
  if (s3 === undefined) return [];
  const { bucket, region, endpoint, accessKeyId, secretAccessKey } = s3;
  return [
    "--bucket",
    bucket,
    "--region",
    region,
    "--endpoint",
    endpoint,
    "--key",
    accessKeyId,
    "--secret",
    secretAccessKey,
  ];
}

/** Starts the program with these flags alone and waits for nothing; whoever calls sees to its end. */
export function spawnProxy(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  command: readonly string[] = [process.execPath, MAIN],
) {
  const { PATH = "", HOME = "" } = process.env;
  const child = Bun.spawn([...command, ...args], {
    env: { PATH, HOME, ...environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const ended = (async (): Promise<Ended> => {
    await Promise.all([child.exited, stdout.closed, stderr.closed]);
    const exitCode =
      child.exitCode ?? 128 + constants.signals[(child.signalCode ?? "SIGKILL") as NodeJS.Signals];
    return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
  })();
  return {
    pid: child.pid,
    stdout: stdout.text,
    stderr: stderr.text,
    line: stdout.line,
    signal: (name: NodeJS.Signals) => child.kill(name),
    ended,
  };
}

/** Gathers a stream's text and tells who waits for a line. */
function collect(stream: ReadableStream<Uint8Array>) {
  let text = "";
  const waiting = new Set<() => void>();
  const closed = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true });
      for (const look of waiting) look();
    }
  })();
  const line = (pattern: RegExp): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const look = () => {
      const found = text
        .split("\n")
        .slice(0, -1)
        .find((each) => pattern.test(each));
      if (found === undefined) return;
      waiting.delete(look);
      resolve(found);
    };
    waiting.add(look);
    look();
    return promise;
  };
  return { text: () => text, closed, line };
}
