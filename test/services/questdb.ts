/** A QuestDB on this machine. */

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BIN_DIRECTORY, ensureInstalled, freePort, type Program, run, startProgram } from "./program.ts";

const VERSION = "9.3.4";
const JAR = join(BIN_DIRECTORY, `questdb-${VERSION}.jar`);
const START_DEADLINE_MS = 60_000;

/** A QuestDB with an empty database. */
export interface QuestDb extends Program {
  /** Where it takes the line protocol. */
  readonly ilpPort: number;
  /** Runs a statement. Throws QuestDB's error. */
  query(sql: string): Promise<QueryResult>;
  stop(): Promise<void>;
}

/** A result: names and types of the columns, and the rows. */
export interface QueryResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly unknown[])[];
}

/** Makes sure of Java and of QuestDB's archive, which Maven fetches by its name. Throws where they can't be had. */
export async function ensureQuestDb(): Promise<void> {
  await ensureInstalled("java", "default-jre-headless");
  if (existsSync(JAR)) return;
  const maven = await ensureInstalled("mvn", "maven");
  const artifact = `org.questdb:questdb:${VERSION}`;
  await run([
    maven,
    "-q",
    "-B",
    "dependency:copy",
    `-Dartifact=${artifact}`,
    `-DoutputDirectory=${BIN_DIRECTORY}`,
  ]);
}

/** Starts one in a temporary directory. */
export async function startQuestDb(): Promise<QuestDb> {
  await ensureQuestDb();
  const directory = await mkdtemp(join(tmpdir(), "s3proxy-questdb-"));
  const [httpPort, ilpPort] = [await freePort(), await freePort()];
  const query = async (sql: string): Promise<QueryResult> => {
    const url = `http://127.0.0.1:${httpPort}/exec?query=${encodeURIComponent(sql)}`;
    const answer = (await (await fetch(url)).json()) as Record<string, unknown>;
    if (answer.error !== undefined) throw new Error(`${answer.error} in "${sql}"`);
    return {
      columns: (answer.columns ?? []) as QueryResult["columns"],
      rows: (answer.dataset ?? []) as unknown[][],
    };
  };
  const program = await startProgram({
    command: ["java", "-p", JAR, "-m", "io.questdb/io.questdb.ServerMain", "-d", directory],
    environment: {
      QDB_HTTP_BIND_TO: `127.0.0.1:${httpPort}`,
      QDB_LINE_TCP_NET_BIND_TO: `127.0.0.1:${ilpPort}`,
      QDB_HTTP_MIN_ENABLED: "false",
      QDB_PG_ENABLED: "false",
      QDB_TELEMETRY_ENABLED: "false",
    },
    answers: async () => (await query("select 1")).rows.length === 1,
    startDeadlineMs: START_DEADLINE_MS,
  });
  return {
    ...program,
    ilpPort,
    query,
    async stop() {
      await program.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
