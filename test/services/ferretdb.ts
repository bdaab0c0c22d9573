/** A server that speaks MongoDB's protocol: the one of MONGO_URI, else a FerretDB on this machine. */

import { existsSync, mkdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { BIN_DIRECTORY, freePort, type Program, run, startProgram } from "./program.ts";

const PROGRAM = join(BIN_DIRECTORY, "ferretdb");
const START_DEADLINE_MS = 15_000;

/** A server, and the tests' own way to ask it. */
export interface MongoServer {
  readonly uri: string;
  /** Asks on a connection of its own: one on which the server died may never answer. */
  ask<Answer>(work: (client: MongoClient) => Promise<Answer>): Promise<Answer>;
  /** What can be killed; undefined for a server that isn't ours. */
  readonly program: Program | undefined;
  stop(): Promise<void>;
}

/** Builds FerretDB with Go where that hasn't been done; takes minutes then. Throws where it can't be built. */
export async function ensureFerretDb(): Promise<void> {
  if (givenUri() !== undefined || existsSync(PROGRAM)) return;
  const go = Bun.which("go");
  if (go === null)
    throw new Error('There is no "go" on PATH to build FerretDB with, and MONGO_URI is not set');
  console.error(`Building FerretDB into ${BIN_DIRECTORY}; this takes minutes`);
  mkdirSync(BIN_DIRECTORY, { recursive: true });
  const build = [go, "build", "-buildvcs=false", "-tags", "ferretdb_sqlite", "-o", PROGRAM, "."];
  await run(build, { cwd: join(import.meta.dir, "ferretdb") });
}

/** Starts one in a temporary directory, or connects to the one of MONGO_URI. */
export async function startMongoServer(): Promise<MongoServer> {
  await ensureFerretDb();
  const given = givenUri();
  if (given !== undefined) {
    return { uri: given, ask: (work) => ask(given, work), program: undefined, stop: async () => {} };
  }
  const directory = await mkdtemp(join(tmpdir(), "s3proxy-ferretdb-"));
  const address = `127.0.0.1:${await freePort()}`;
  const uri = `mongodb://${address}`;
  const program = await startProgram({
    command: [PROGRAM, address, directory],
    answers: () => ask(uri, async (client) => (await client.db("test").command({ ping: 1 })).ok === 1),
    startDeadlineMs: START_DEADLINE_MS,
  });
  return {
    uri,
    ask: (work) => ask(uri, work),
    program,
    async stop() {
      await program.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function ask<Answer>(uri: string, work: (client: MongoClient) => Promise<Answer>): Promise<Answer> {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 1000 });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

function givenUri(): string | undefined {
  const given = process.env.MONGO_URI;
  return given === "" ? undefined : given;
}
