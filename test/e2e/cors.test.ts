import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ask, PROTOCOLS } from "../support/client.ts";
import { type Asked, askEveryWay, CLEAR_PATH, makeCold, type Serving, startServing } from "./serving.ts";

const ALLOWED = ["https://app.example", "http://localhost:3000"];
/** What looks like an allowed origin and is none. */
const TRICKS = [
  "null",
  "*",
  "https://app.example.evil.example",
  "https://evilapp.example",
  "https://app.example:8443",
  "http://app.example",
  "https://app.example/",
  "HTTPS://APP.EXAMPLE",
  "https://sub.app.example",
  "https://app.exampl",
  "app.example",
  "https://app.example, https://evil.example",
  "https://app.example https://evil.example",
  "https://evil.example",
  "http://localhost:30000",
  "http://localhost",
];
const ETAG = '"v1"';

async function startWith(allowed: string | undefined): Promise<Serving> {
  const it = await startServing(allowed === undefined ? {} : { environment: { ALLOWED_ORIGINS: allowed } });
  it.s3.put("page.html", "page", { ETag: ETAG });
  it.s3.put("large.bin", "x".repeat(70_000), { ETag: ETAG });
  it.s3.put("passed.html", "passed", { ETag: ETAG, "Cache-Control": "private" });
  return it;
}

/** Every kind of answer there is, each every way. */
async function everyKind(port: number, headers: Readonly<Record<string, string>>): Promise<Asked[]> {
  const kinds = [
    askEveryWay(port, "/page.html", headers),
    askEveryWay(port, "/large.bin", headers),
    askEveryWay(port, "/passed.html", headers),
    askEveryWay(port, "/missing", headers),
    askEveryWay(port, "/a%00", headers),
    askEveryWay(port, "/large.bin", { ...headers, "If-None-Match": ETAG }),
  ];
  const all: Asked[] = [];
  for (const kind of kinds) all.push(...(await kind));
  return all;
}

function corsOf({ answer }: Pick<Asked, "answer">) {
  return Object.keys(answer.headers).filter((name) => name.startsWith("access-control-"));
}

describe("with two origins in ALLOWED_ORIGINS", () => {
  let it: Serving;
  beforeAll(async () => {
    it = await startWith(JSON.stringify(ALLOWED));
  });
  afterAll(() => it?.stop());

  test.each(ALLOWED)("%s is told that it may read every kind of answer", async (origin) => {
    for (const { way, answer } of await everyKind(it.port, { Origin: origin })) {
      expect([way, answer.status, answer.headers["access-control-allow-origin"]]).toEqual([
        way,
        answer.status,
        origin,
      ]);
      expect([way, answer.headers.vary]).toEqual([way, "Origin"]);
      expect(answer.headers["access-control-expose-headers"]).toContain("ETag");
      expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
    }
  });
  test.each(TRICKS)("%p gets no CORS headers, but Vary", async (origin) => {
    for (const asked of await everyKind(it.port, { Origin: origin })) {
      expect([asked.way, corsOf(asked), asked.answer.headers.vary]).toEqual([asked.way, [], "Origin"]);
    }
  });
  test("no Origin gets no CORS headers, but Vary", async () => {
    for (const asked of await everyKind(it.port, {})) {
      expect([asked.way, corsOf(asked), asked.answer.headers.vary]).toEqual([asked.way, [], "Origin"]);
    }
  });
  test("one cached copy has each asker's own headers, in any order", async () => {
    for (const protocol of PROTOCOLS) {
      await makeCold(it.port);
      const before = it.s3.countOf("page.html");
      for (const origin of [...ALLOWED, "https://evil.example", ...ALLOWED.toReversed(), ...ALLOWED]) {
        const answer = await ask(it.port, { protocol, path: "/page.html", headers: { Origin: origin } });
        const expected = ALLOWED.includes(origin) ? origin : undefined;
        expect([origin, answer.headers["access-control-allow-origin"]]).toEqual([origin, expected]);
      }
      expect(it.s3.countOf("page.html")).toBe(before + 1);
    }
  });
  test.each([...PROTOCOLS])(
    "over %s the preflight of an allowed origin is 204 with what it may do",
    async (protocol) => {
      const headers = {
        Origin: ALLOWED[0]!,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "range",
      };
      const answer = await ask(it.port, { protocol, method: "OPTIONS", path: "/page.html", headers });
      expect(answer.status).toBe(204);
      expect(answer.headers).toMatchObject({
        allow: "GET, HEAD, OPTIONS",
        vary: "Origin",
        "access-control-allow-origin": ALLOWED[0]!,
        "access-control-allow-methods": "GET, HEAD, OPTIONS",
      });
      expect(answer.headers["access-control-allow-headers"]).toContain("Range");
      expect(Number(answer.headers["access-control-max-age"])).toBeGreaterThan(0);
    },
  );
  test.each([...PROTOCOLS])(
    "over %s the preflight of any other origin is 204 without CORS headers",
    async (protocol) => {
      for (const origin of TRICKS) {
        const headers = { Origin: origin, "Access-Control-Request-Method": "GET" };
        const answer = await ask(it.port, { protocol, method: "OPTIONS", path: "/page.html", headers });
        expect([origin, answer.status, corsOf({ answer }), answer.headers.vary]).toEqual([
          origin,
          204,
          [],
          "Origin",
        ]);
      }
    },
  );
  test("the management endpoint has no CORS headers", async () => {
    for (const method of ["DELETE", "OPTIONS"]) {
      const headers = { Origin: ALLOWED[0]!, "Access-Control-Request-Method": "DELETE" };
      const answer = await ask(it.port, { method, path: CLEAR_PATH, headers });
      expect(corsOf({ answer })).toEqual([]);
    }
  });
});

describe('with ALLOWED_ORIGINS=["*"]', () => {
  let it: Serving;
  beforeAll(async () => {
    it = await startWith('["*"]');
  });
  afterAll(() => it?.stop());

  test.each([...ALLOWED, "null", undefined])("%p may read every kind of answer", async (origin) => {
    for (const { way, answer } of await everyKind(it.port, origin === undefined ? {} : { Origin: origin })) {
      expect([way, answer.headers["access-control-allow-origin"]]).toEqual([way, "*"]);
      expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
    }
  });
  test.each([...PROTOCOLS])("over %s a preflight says what may be done", async (protocol) => {
    const headers = { Origin: "https://any.example", "Access-Control-Request-Method": "GET" };
    const answer = await ask(it.port, { protocol, method: "OPTIONS", path: "/page.html", headers });
    expect([answer.status, answer.headers["access-control-allow-origin"]]).toEqual([204, "*"]);
    expect(answer.headers["access-control-allow-methods"]).toBe("GET, HEAD, OPTIONS");
  });
});

describe.each([
  ["unset", undefined],
  ["[]", "[]"],
])("with ALLOWED_ORIGINS %s", (_what, allowed) => {
  let it: Serving;
  beforeAll(async () => {
    it = await startWith(allowed);
  });
  afterAll(() => it?.stop());

  test("nobody gets CORS headers or Vary", async () => {
    for (const asked of await everyKind(it.port, { Origin: ALLOWED[0]! })) {
      expect([asked.way, corsOf(asked), asked.answer.headers.vary]).toEqual([asked.way, [], undefined]);
    }
    const headers = { Origin: ALLOWED[0]!, "Access-Control-Request-Method": "GET" };
    for (const protocol of PROTOCOLS) {
      const answer = await ask(it.port, { protocol, method: "OPTIONS", path: "/page.html", headers });
      expect([answer.status, corsOf({ answer })]).toEqual([204, []]);
    }
  });
});
