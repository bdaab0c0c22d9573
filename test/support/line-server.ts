/** A server of the line protocol that takes everything: what a test wants to see of a QuestDB. */

import { startTcpServer } from "./tcp-server.ts";

/** A running server. */
export interface LineServer {
  readonly port: number;
  /** Every whole line that has come, on all connections. */
  lines(): string[];
  /** With true drops every connection and refuses new ones; with false listens again on the same port. */
  refuse(on: boolean): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one on a free port. */
export async function startLineServer(): Promise<LineServer> {
  const connections: string[] = [];
  const server = await startTcpServer(async (socket) => {
    const index = connections.push("") - 1;
    socket.setEncoding("utf8");
    socket.on("data", (text) => {
      connections[index] = `${connections[index] ?? ""}${text}`;
    });
    socket.on("end", () => socket.end());
  });
  return {
    port: server.port,
    lines: () => connections.flatMap((text) => text.split("\n").slice(0, -1)),
    refuse: (on) => (on ? server.close() : server.open()),
    stop: () => server.close(),
  };
}
