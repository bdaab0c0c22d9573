import { createServer, type Server, type Socket } from "node:net";

/** A TCP listener on 127.0.0.1 that can be closed and opened again on the same port. */
export interface TcpServer {
  readonly port: number;
  /** Listens again on the same port. Throws when another program has taken it. */
  open(): Promise<void>;
  /** Stops listening and drops every connection. */
  close(): Promise<void>;
}

/** Listens on a free port; each connection is given to `serve`, and dropped when `serve` throws. */
export async function startTcpServer(serve: (socket: Socket) => Promise<void>): Promise<TcpServer> {
  const sockets = new Set<Socket>();

  function onConnection(socket: Socket): void {
    sockets.add(socket);
    socket.setNoDelay(true);
    // A reset by the peer is an ordinary end here; the reader of the socket sees it as its end.
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    serve(socket).catch((error: unknown) => {
      console.error(error);
      socket.destroy();
    });
  }

  async function listen(port: number): Promise<Server> {
    const server = createServer(onConnection);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    return server;
  }

  let server: Server | undefined = await listen(0);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The listener has no TCP address");
  const { port } = address;

  return {
    port,
    async open() {
      server ??= await listen(port);
    },
    async close() {
      const closing = server;
      if (closing === undefined) return;
      server = undefined;
      const done = new Promise<void>((resolve) => closing.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await done;
    },
  };
}
