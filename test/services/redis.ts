/** A Redis of the tests' own, installed by apt-get where there is none. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RedisClient } from "bun";
import { ensureInstalled, freePort, type Program, startProgram } from "./program.ts";

const START_DEADLINE_MS = 10_000;
/** With characters that a URL has in another form. */
const PASSWORD = "se,cret/100%";

/** A running server. */
export interface RedisServer {
  /** With the password. */
  readonly url: string;
  readonly port: number;
  readonly password: string;
  readonly program: Program;
  /** Sends a command, on a connection of its own. */
  send(command: string, ...args: readonly string[]): Promise<unknown>;
  stop(): Promise<void>;
}

/** Starts one in a temporary directory that keeps what it has been told, also when it is killed, unless `flags` say otherwise. */
export async function startRedis(flags: readonly string[] = []): Promise<RedisServer> {
  const command = await ensureInstalled("redis-server", "redis-server");
  const directory = mkdtempSync(join(tmpdir(), "s3proxy-redis-"));
  const port = await freePort();
  const url = `redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}`;
  const own = ["--port", String(port), "--bind", "127.0.0.1", "--dir", directory, "--requirepass", PASSWORD];
  const durable = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"];
  const send = (name: string, ...args: readonly string[]) => sendTo(url, name, args);
  const program = await startProgram({
    command: [command, ...own, ...durable, ...flags],
    answers: async () => (await send("PING")) === "PONG",
    startDeadlineMs: START_DEADLINE_MS,
  });
  return {
    url,
    port,
    password: PASSWORD,
    program,
    send,
    async stop() {
      await program.kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function sendTo(url: string, command: string, args: readonly string[]): Promise<unknown> {
  const client = new RedisClient(url, { autoReconnect: false, connectionTimeout: 1_000 });
  try {
    await client.connect();
    return await client.send(command, [...args]);
  } finally {
    client.close();
  }
}
