/** A speaker of mmdb-ws' TCP protocol, byte for byte, over a database of MaxMind's. */

import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { type CityResponse, Reader } from "mmdb-lib";
import { fieldsOf } from "../../src/metrics/geo/mmdb-file.ts";
import { startTcpServer, type TcpServer } from "./tcp-server.ts";

/** MaxMind's published test database. */
export const CITY_DATABASE = join(import.meta.dir, "geo/GeoIP2-City-Test.mmdb");

/** What the server does with a query instead of answering it as it should. */
export type Behaviour = (answer: string, socket: Socket, address: string) => void | Promise<void>;

/** A running server. */
export interface MmdbWsServer extends Pick<TcpServer, "port" | "open" | "close"> {
  /** The addresses that were asked about, in the order of the queries. */
  readonly queries: readonly string[];
  /** Open connections. */
  connections(): number;
  /** Changes how queries are answered; undefined for as they should be. */
  behave(how: Behaviour | undefined): void;
}

/** Starts one on a free port. */
export async function startMmdbWs(): Promise<MmdbWsServer> {
  const reader = new Reader<CityResponse>(readFileSync(CITY_DATABASE));
  const queries: string[] = [];
  let behaviour: Behaviour | undefined;
  let connections = 0;
  const server = await startTcpServer(async (socket) => {
    connections++;
    socket.on("close", () => connections--);
    let asked = "";
    socket.setEncoding("utf8");
    socket.on("data", (text) => {
      asked += text;
      const end = asked.indexOf("\n");
      if (end < 0) return;
      const query = asked.slice(0, end);
      // The server reads one line and forgets what came with it.
      asked = "";
      const address = query.replace(/^f:/, "");
      queries.push(address);
      const answer = query.startsWith("f:") ? answerTo(reader, address) : `${query}\n\n`;
      if (behaviour === undefined) socket.write(answer);
      else void behaviour(answer, socket, address);
    });
  });
  const { port, open, close } = server;
  return {
    port,
    open,
    close,
    queries,
    connections: () => connections,
    behave(how) {
      behaviour = how;
    },
  };
}

/** Sorted `name : value` lines and two newlines; an address that isn't known alone. */
function answerTo(reader: Reader<CityResponse>, address: string): string {
  let found: ReturnType<typeof fieldsOf>;
  try {
    found = fieldsOf(reader.get(address));
  } catch {
    // Not an address.
  }
  if (found === undefined) return `${address}\n\n`;
  const all = { ...found, query_ip_address: address, query_language: "en" };
  const lines = Object.entries(all).map(([name, value]) => `${name} : ${value}\n`);
  return `${lines.sort().join("")}\n\n`;
}
