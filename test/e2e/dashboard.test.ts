import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Answer, type Ask, ask, PROTOCOLS, type Protocol } from "../support/client.ts";
import { openEvents } from "../support/events.ts";
import { AUTH_KEY, type Serving, startServing } from "./serving.ts";

setDefaultTimeout(30_000);

const PAGE = "/_proxy/dashboard";
const WHERE = ["", "/events", "/login", "/logout", "/clear", "/style.css", "/app.js", "/world.json"];

/** What a frame has that is looked at here. */
interface Frame {
  readonly columns: readonly string[];
  readonly fine: readonly (readonly (number | null)[])[];
  readonly visits: Record<"pages" | "missing" | "statuses" | "countries", [string, number][]> & {
    readonly cities: { city: string; country: string; count: number }[];
  };
  readonly cache: { readonly objects: number };
  readonly originFailing?: string;
  readonly publishing?: { readonly sinks: readonly object[] };
}

let it: Serving;
const own = () => ({ Origin: `http://127.0.0.1:${it.port}` });
const send = (path: string, more: Partial<Ask> = {}) => ask(it.port, { path: `${PAGE}${path}`, ...more });

function logIn(protocol: Protocol, token: string, headers: Record<string, string> = own()): Promise<Answer> {
  const type = { "Content-Type": "application/x-www-form-urlencoded" };
  const content = new URLSearchParams({ token }).toString();
  return send("/login", { protocol, method: "POST", headers: { ...type, ...headers }, content });
}

/** The `Cookie` of whoever has logged in. */
async function session(): Promise<string> {
  const { headers } = await logIn("HTTP/1.1", AUTH_KEY);
  return String(headers["set-cookie"]?.split(";")[0]);
}

/** The sum of a column over all points that came. */
function sumOf({ columns, fine }: Frame, column: string): number {
  return fine.reduce((sum, row) => sum + Number(row[columns.indexOf(column)]), 0);
}

describe.each([1, 2])("with %p threads", (threads) => {
  beforeAll(async () => {
    it = await startServing({
      threads,
      args: ["--mmdb-file", new URL("../support/geo/GeoIP2-City-Test.mmdb", import.meta.url).pathname],
    });
    for (const name of ["index.html", "docs/a.html", "docs/b.html"])
      it.s3.put(name, name, { "content-type": "text/html" });
    it.s3.put("_proxy/dashboard", "must not be served");
  });
  afterAll(() => it?.stop());

  test.each([...PROTOCOLS])("over %s the page is for whoever gave the token", async (protocol) => {
    const form = await send("", { protocol });
    expect([form.status, form.text.includes('type="password"')]).toEqual([200, true]);
    const wrong = await logIn(protocol, `${AUTH_KEY}x`);
    expect([wrong.status, wrong.headers["set-cookie"]]).toEqual([401, undefined]);
    expect(wrong.text).toContain("That token is not right");
    const right = await logIn(protocol, AUTH_KEY);
    expect([right.status, right.headers.location]).toEqual([303, PAGE]);
    const [cookie, ...attributes] = String(right.headers["set-cookie"]).split("; ");
    expect(attributes).toEqual(["Max-Age=43200", "Path=/_proxy", "HttpOnly", "SameSite=Strict"]);
    expect(decodeURIComponent(String(cookie))).not.toContain(AUTH_KEY);
    const page = await send("", { protocol, headers: { Cookie: `a=b; ${cookie}` } });
    expect([page.status, page.text.includes('id="charts"')]).toEqual([200, true]);
    const head = await send("", { protocol, method: "HEAD", headers: { Cookie: String(cookie) } });
    expect([head.status, head.text, head.headers["content-length"]]).toEqual([
      200,
      "",
      String(page.body.length),
    ]);
    const headers = { ...own(), Cookie: String(cookie) };
    const out = await send("/logout", { protocol, method: "POST", headers });
    expect([out.status, out.headers.location]).toEqual([303, PAGE]);
    expect(out.headers["set-cookie"]).toStartWith("s3proxy_session=; Max-Age=0; Path=/_proxy");
    // As README says: it is the browser that forgets.
    expect((await send("", { protocol, headers: { Cookie: String(cookie) } })).text).toBe(page.text);
  });

  test("behind TLS the cookie is never sent without it", async () => {
    const { headers } = await logIn("HTTP/1.1", AUTH_KEY, { ...own(), "X-Forwarded-Proto": "https" });
    expect(headers["set-cookie"]).toEndWith("; Secure");
  });

  test.each([
    "s3proxy_session=",
    `s3proxy_session=${AUTH_KEY}`,
    "s3proxy_session=99999999999999.AAAA",
    "session=x",
  ])("the cookie %p opens nothing", async (cookie) => {
    const headers = { Cookie: cookie, ...own() };
    expect((await send("", { headers })).text).toContain('type="password"');
    expect((await send("/events", { headers })).status).toBe(401);
    expect((await send("/clear", { method: "POST", headers })).status).toBe(401);
  });

  test.each([...PROTOCOLS])(
    "over %s pages take nothing from elsewhere, and have all they need",
    async (protocol) => {
      const headers = { Cookie: await session() };
      for (const answer of [await send("", { protocol }), await send("", { protocol, headers })]) {
        const policy = String(answer.headers["content-security-policy"]);
        expect(policy).toStartWith("default-src 'none'; ");
        expect(policy).not.toContain("unsafe");
        expect(policy).toContain("frame-ancestors 'none'");
        expect(answer.headers["cache-control"]).toBe("no-store");
        expect(answer.headers["x-content-type-options"]).toBe("nosniff");
        const named = [...answer.text.matchAll(/(?:src|href|action)="([^"]+)"/g)].map(([, path]) =>
          String(path),
        );
        expect(named.filter((path) => !path.startsWith(`${PAGE}/`))).toEqual([]);
        const files = named.filter((path) => /\.\w+$/.test(path));
        for (const path of files) {
          const file = await ask(it.port, { protocol, path });
          expect([path, file.status, file.text.includes("://cdn")]).toEqual([path, 200, false]);
          for (const [, imported] of file.text.matchAll(/from "\.(\/[^"]+)"/g)) {
            const script = await send(String(imported), { protocol });
            expect(script.headers["content-type"]).toBe("text/javascript; charset=utf-8");
          }
        }
      }
      const world = JSON.parse((await send("/world.json", { protocol })).text);
      expect(Object.keys(world).length).toBeGreaterThan(150);
      for (const path of Object.values(world)) expect(path).toMatch(/^(?:M[\d,\- l]+z)+$/);
    },
  );

  test.each([...PROTOCOLS])("over %s frames tell what is asked of the site", async (protocol) => {
    const events = await openEvents(it.port, { protocol, path: `${PAGE}/events`, cookie: await session() });
    expect(events.contentType).toBe("text/event-stream");
    const before = (await events.next()) as Frame;
    expect(before.publishing).toBeUndefined();
    // As it is once a URL parser has seen it.
    const { pathname: odd } = new URL(`http://a/gone-${protocol.length}/%3Cscript%3Ealert(1)<b>'data:%20{}`);
    const visitor = { "X-Forwarded-For": "81.2.69.160" };
    for (let round = 0; round < 3; round++) {
      await ask(it.port, { protocol, path: "/docs/a.html", headers: visitor });
      await ask(it.port, { protocol, path: odd });
    }
    let [requests, frame, frames] = [0, before, 0];
    const countOf = (kind: "pages" | "missing", path: string) =>
      frame.visits[kind].find(([name]) => name === path)?.[1] ?? 0;
    while (
      frames++ < 8 &&
      (requests < 6 || countOf("missing", odd) < 3 || countOf("pages", "/docs/a.html") < 3)
    ) {
      frame = (await events.next()) as Frame;
      requests = Math.max(requests, sumOf(frame, "requests"));
    }
    expect([requests >= 6, countOf("missing", odd), countOf("pages", "/docs/a.html") >= 3]).toEqual([
      true,
      3,
      true,
    ]);
    expect(frame.visits.countries).toContainEqual(["GB", expect.any(Number)]);
    expect(frame.visits.cities).toContainEqual(
      expect.objectContaining({ city: "London", country: "GB", count: expect.any(Number) }),
    );
    expect(frame.visits.statuses.map(([code]) => code)).toEqual(expect.arrayContaining(["200", "404"]));
    const paths = [...frame.visits.pages, ...frame.visits.missing].map(([path]) => path);
    expect(paths.filter((path) => path.startsWith("/_proxy"))).toEqual([]);
    await events.close();
  });

  test("a frame says how S3 fails", async () => {
    const events = await openEvents(it.port, {
      protocol: "HTTP/1.1",
      path: `${PAGE}/events`,
      cookie: await session(),
    });
    expect(((await events.next()) as Frame).originFailing).toBeUndefined();
    const removal = it.s3.fail("broken", 500, "InternalError");
    await ask(it.port, { path: "/broken" });
    while (((await events.next()) as Frame).originFailing !== "origin-failed");
    removal();
    await ask(it.port, { path: "/broken" });
    while (((await events.next()) as Frame).originFailing !== undefined);
    await events.close();
  });

  test.each([...PROTOCOLS])("over %s a path, a prefix or everything is cleared", async (protocol) => {
    const headers = { Cookie: await session(), ...own() };
    const clear = async (query: string) => {
      const answer = await send(`/clear${query}`, { protocol, method: "POST", headers });
      return [answer.status, JSON.parse(answer.text).cleared];
    };
    const fill = async () => {
      for (const path of ["/", "/docs/a.html", "/docs/b.html"]) await ask(it.port, { protocol, path });
    };
    await fill();
    expect(await clear("?key=docs%2Fa.html")).toEqual([200, 1]);
    expect(await clear("?key=docs%2Fa.html")).toEqual([200, 0]);
    await fill();
    expect(await clear("?prefix=docs%2F")).toEqual([200, 2]);
    await fill();
    const asked = it.s3.countOf("index.html");
    const [status, cleared] = await clear("");
    expect([status, cleared >= 3]).toEqual([200, true]);
    await fill();
    expect(it.s3.countOf("index.html")).toBe(asked + 1);
    expect((await clear("?what=x"))[0]).toBe(400);
  });

  test.each([
    { Origin: "https://elsewhere.example" },
    { Origin: "null" },
    {},
    { "Sec-Fetch-Site": "cross-site" },
    { "Sec-Fetch-Site": "same-site" },
  ])("what another site has asked with %p is refused", async (theirs: Record<string, string>) => {
    const isOrigin = "Sec-Fetch-Site" in theirs;
    const headers = { Cookie: await session(), ...(isOrigin ? own() : {}), ...theirs };
    for (const path of ["/clear", "/logout", "/login"])
      expect([path, (await send(path, { method: "POST", headers })).status]).toEqual([path, 403]);
  });
});

test("a session outlives a restart, and a program with another token doesn't take it", async () => {
  it = await startServing();
  const cookie = await session();
  await it.stop();
  it = await startServing();
  expect((await send("/events", { method: "HEAD", headers: { Cookie: cookie } })).status).toBe(405);
  expect((await send("", { headers: { Cookie: cookie } })).text).toContain('id="charts"');
  await it.stop();
  it = await startServing({ isClosed: true, args: ["--auth-key", "another"] });
  expect((await send("", { headers: { Cookie: cookie } })).text).toContain('type="password"');
  await it.stop();
});

test.each([...PROTOCOLS])("over %s the stop ends who looks on", async (protocol) => {
  it = await startServing({ threads: 2 });
  const events = await openEvents(it.port, { protocol, path: `${PAGE}/events`, cookie: await session() });
  await events.next();
  const { stdout, exitCode } = await it.proxy.stop();
  while ((await events.next()) !== undefined);
  expect([exitCode, /Requests in flight were ended/.test(stdout)]).toEqual([0, false]);
  await it.stop();
});

test("without --auth-key there is no dashboard", async () => {
  it = await startServing({ isClosed: true });
  for (const where of WHERE) {
    const method = ["/login", "/logout", "/clear"].includes(where) ? "POST" : "GET";
    expect([where, (await send(where, { method, headers: own() })).status]).toEqual([where, 404]);
  }
  await it.stop();
});

test("with --admin-port it is there and nowhere else", async () => {
  it = await startServing({ threads: 2, args: ["--admin-port", "0"] });
  const adminPort = Number(/ adminPort=(\d+)/.exec(await it.proxy.line(/ Listening /))?.[1]);
  expect((await send("")).status).toBe(404);
  it = { ...it, port: adminPort };
  const events = await openEvents(adminPort, {
    protocol: "HTTP/1.1",
    path: `${PAGE}/events`,
    cookie: await session(),
  });
  expect(await events.next()).toHaveProperty("cache");
  await events.close();
  await it.stop();
});
