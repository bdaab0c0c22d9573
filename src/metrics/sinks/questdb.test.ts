import { afterEach, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { readLines } from "../../../test/support/line-protocol.ts";
import { describeSink, PATIENT } from "../../../test/support/sink-contract.ts";
import { startTcpServer, type TcpServer } from "../../../test/support/tcp-server.ts";
import { isSettled } from "../../../test/support/turns.ts";
import { visitsOf } from "../../../test/support/visits.ts";
import { createQuestDbSink } from "./questdb.ts";

let servers: TcpServer[] = [];

afterEach(async () => {
  for (const server of servers) await server.close();
  servers = [];
});

/** A server whose first connection is `witness` and whose second is `batch`, as the sink opens them. */
async function serverOf(batch: (socket: Socket) => void, witness: (socket: Socket) => void = drain) {
  let connections = 0;
  const server = await startTcpServer(async (socket) => (++connections % 2 === 1 ? witness : batch)(socket));
  servers.push(server);
  return server;
}

function sinkFor(server: TcpServer, committedAfterMs = 0) {
  return createQuestDbSink({ host: "127.0.0.1", port: server.port, series: "request", committedAfterMs });
}

function drain(socket: Socket): void {
  socket.resume();
}

describeSink("QuestDB, in the form of a listener", async () => {
  const received: Buffer[] = [];
  const server = await startTcpServer(async (socket) => {
    socket.on("data", (bytes) => received.push(Buffer.from(bytes)));
  });
  return {
    sink: sinkFor(server),
    at: (host, port) => createQuestDbSink({ host, port, series: "request" }),
    async expectStored(resources) {
      const lines = readLines(Buffer.concat(received).toString());
      expect(lines.map(({ tags }) => tags.resource ?? "")).toEqual([...resources]);
    },
    stop: () => server.close(),
  };
});

test("a batch isn't taken before the server has closed its connection", async () => {
  const ended = Promise.withResolvers<Socket>();
  const server = await startTcpServer(async (socket) => {
    socket.allowHalfOpen = true;
    socket.resume().on("end", () => ended.resolve(socket));
  });
  servers.push(server);
  const sent = sinkFor(server).send(visitsOf(10), PATIENT);
  const socket = await ended.promise;
  expect(await isSettled(sent)).toBe(false);
  socket.end();
  await sent;
});

test("a server that closes the connection in mid-batch hasn't taken it", async () => {
  const server = await serverOf((socket) => socket.once("data", () => socket.destroy()));
  await expect(sinkFor(server).send(visitsOf(20_000), PATIENT)).rejects.toThrow(/closed the connection/);
});

test("a server that resets the connection hasn't taken the batch", async () => {
  const server = await serverOf((socket) => socket.resetAndDestroy());
  await expect(sinkFor(server).send(visitsOf(10), PATIENT)).rejects.toThrow(/closed the connection/);
});

test("a server that dies before it can have committed hasn't taken the batch", async () => {
  const witness = Promise.withResolvers<Socket>();
  const server = await serverOf(
    (socket) => socket.resume().on("close", async () => (await witness.promise).destroy()),
    (socket) => witness.resolve(socket),
  );
  await expect(sinkFor(server, 60_000).send(visitsOf(10), PATIENT)).rejects.toThrow(/closed the connection/);
});

test("no connection stays behind, whether the batch was taken or given up", async () => {
  const open = new Set<Socket>();
  let isHanging = false;
  const server = await startTcpServer(async (socket) => {
    open.add(socket);
    if (isHanging) socket.pause();
    else socket.resume();
    const closed = new Promise((resolve) => socket.on("close", resolve));
    void closed.then(() => open.delete(socket));
  });
  servers.push(server);
  const sink = sinkFor(server);
  await sink.send(visitsOf(10), PATIENT);
  isHanging = true;
  await expect(sink.send(visitsOf(20_000), AbortSignal.timeout(100))).rejects.toThrow("Given up");
  for (const socket of open) socket.resume();
  while (open.size > 0) await Bun.sleep(1);
});
