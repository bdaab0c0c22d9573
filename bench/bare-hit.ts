/**
 * What the runtime itself can do on a hit: a handler that fetches an object once, keeps head and body for good, and answers with them.
 * `bun bare-hit.ts <port> <originPort>`
 */

const [port, originPort] = process.argv.slice(2).map(Number);

const kept = new Map<
  string,
  { readonly headers: Response["headers"]; readonly body: Uint8Array<ArrayBuffer> }
>();

Bun.serve({
  port: port ?? 0,
  hostname: "127.0.0.1",
  development: false,
  http2: true,
  fetch(request) {
    const hit = kept.get(request.url);
    return hit === undefined ? fetchAndKeep(request.url) : new Response(hit.body, { headers: hit.headers });
  },
});

async function fetchAndKeep(url: string): Promise<Response> {
  const { headers, body } = await fetch(`http://127.0.0.1:${originPort}/bucket${new URL(url).pathname}`);
  const entry = { headers, body: (await new Response(body).bytes()) as Uint8Array<ArrayBuffer> };
  kept.set(url, entry);
  return new Response(entry.body, { headers });
}
