/** What the runtime itself can do on a miss: a handler that fetches and hands on, and keeps nothing. `bun bare-fetch.ts <port> <originPort>` */

const [port, originPort] = process.argv.slice(2).map(Number);

Bun.serve({
  port: port ?? 0,
  hostname: "127.0.0.1",
  development: false,
  fetch: (request) => fetch(`http://127.0.0.1:${originPort}/bucket${new URL(request.url).pathname}`),
});
