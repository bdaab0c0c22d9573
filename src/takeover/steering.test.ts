import { afterEach, expect, test } from "bun:test";
import { openSockets } from "./sockets.ts";
import { listenersOn, randomFilter, Steering } from "./steering.ts";

const CONNECTIONS = 60;
const servers: Bun.Server<undefined>[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
});

/** Starts listeners of one port, which answer with their number. */
function listen(count: number): number {
  for (let number = 0; number < count; number++) {
    const port = servers[0]?.port ?? 0;
    const fetch = () => new Response(String(number));
    servers.push(Bun.serve({ port, hostname: "::", reusePort: true, fetch }));
  }
  return servers[0]?.port ?? 0;
}

/** The numbers of those who answer when each request opens a connection. */
async function answering(port: number): Promise<string> {
  const numbers = new Set<string>();
  for (let count = 0; count < CONNECTIONS; count++) {
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { Connection: "close" } });
    numbers.add(await answer.text());
  }
  return [...numbers].sort().join(" ");
}

test("counts the listeners of each port", () => {
  const port = listen(3);
  expect(listenersOn([port, 1])).toEqual([
    { port, count: 3 },
    { port: 1, count: 0 },
  ]);
});

test("new connections go to the listeners that began later, until they are released", async () => {
  const port = listen(4);
  expect(await answering(port)).toBe("0 1 2 3");
  // Of four listeners of this process two stand for another's: the highest numbers are nobody's then.
  const sockets = openSockets()!;
  const [descriptor] = [...Array(1024).keys()].filter((each) => sockets.listeningPort(each) === port);
  expect(sockets.choose(descriptor!, randomFilter(2, 2))).toBe(true);
  expect(await answering(port)).toBe("2 3");
  new Steering([{ port, count: 2 }]).release();
  expect(await answering(port)).toBe("0 1 2 3");
});

test("while the others close one after the other, they get nothing", async () => {
  const port = listen(4);
  const sockets = openSockets()!;
  const [descriptor] = [...Array(1024).keys()].filter((each) => sockets.listeningPort(each) === port);
  // What a program with two listeners says while another's two close.
  sockets.choose(descriptor!, randomFilter(2, 1));
  expect(await answering(port)).toBe("2");
  await servers.shift()?.stop(true);
  expect(await answering(port)).toBe("2");
  await servers.shift()?.stop(true);
  expect(await answering(port)).toBe("2 3");
});

test("a port that nobody listens on is no obstacle", () => {
  expect(new Steering([{ port: 1, count: 1 }]).toOwn()).toBe(true);
});
