import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type MmdbWsServer, startMmdbWs } from "../../../test/support/mmdb-ws.ts";
import { createMmdbWs, readFields } from "./mmdb-ws.ts";
import type { GeoSource } from "./source.ts";

/** In the database: Boxford. */
const BOXFORD = "2.125.160.216";
const LINKOEPING = "89.160.20.112";
const PLACE = {
  accuracy_radius: "100.000000",
  city: "Boxford",
  continent: "Europe",
  country: "United Kingdom",
  country_iso_code: "GB",
  latitude: "51.750000",
  longitude: "-1.250000",
  postal_code: "OX1",
  registered_country: "France",
  subdivision: "England",
  subdivision_iso_code: "ENG",
  time_zone: "Europe/London",
};
/** Where a query is to fail by the deadline; elsewhere there is none that matters. */
const SHORT_MS = 50;
const LONG_MS = 10_000;

let server: MmdbWsServer;
let source: GeoSource;

function connect(deadlineMs = LONG_MS): void {
  source = createMmdbWs({ host: "127.0.0.1", port: server.port, deadlineMs });
}

beforeEach(async () => {
  server = await startMmdbWs();
  connect();
});
afterEach(async () => {
  source.close();
  await server.close();
});

describe("a query", () => {
  test("is answered with the fields as they are, without what they repeat of the question", async () => {
    expect(await source.lookup(BOXFORD)).toEqual(PLACE);
    expect(server.queries).toEqual([BOXFORD]);
  });

  test("about IPv6 is answered as well", async () => {
    expect((await source.lookup("2001:218::1"))?.country_iso_code).toBe("JP");
  });

  test("about an address that isn't known is answered with nothing", async () => {
    expect(await source.lookup("8.8.8.8")).toBeUndefined();
  });

  test("follows another on the same connection, whatever was answered", async () => {
    for (let time = 0; time < 3; time++) {
      expect((await source.lookup(BOXFORD))?.city).toBe("Boxford");
      expect(await source.lookup("8.8.8.8")).toBeUndefined();
      expect((await source.lookup(LINKOEPING))?.city).toBe("Linköping");
    }
    expect(server.connections()).toBe(1);
  });

  test("waits for one of four connections, and each answer is its own", async () => {
    const addresses = Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? BOXFORD : "8.8.8.8"));
    const places = await Promise.all(addresses.map((address) => source.lookup(address)));
    expect(places.map((place) => place?.city)).toEqual(
      addresses.map((address) => (address === BOXFORD ? "Boxford" : undefined)),
    );
    expect(server.connections()).toBe(4);
  });

  test("is refused where too many wait", async () => {
    server.behave(() => {});
    const all = Array.from({ length: 2_004 }, () => source.lookup(BOXFORD));
    for (const each of all) each.catch(() => {});
    await expect(source.lookup(BOXFORD)).rejects.toThrow("Too many queries wait for the server");
    server.behave(undefined);
    await server.close();
    await Promise.allSettled(all);
  });
});

describe("an answer", () => {
  test("may come byte by byte", async () => {
    server.behave(async (answer, socket) => {
      for (const byte of Buffer.from(answer)) {
        await new Promise((resolve) => socket.write(Uint8Array.of(byte), resolve));
        await new Promise(setImmediate);
      }
    });
    expect((await source.lookup(LINKOEPING))?.city).toBe("Linköping");
    expect(await source.lookup("8.8.8.8")).toBeUndefined();
    expect(await source.lookup(BOXFORD)).toEqual(PLACE);
  });

  test.each([
    ["nonsense", "HTTP/1.1 400 Bad Request\r\n\r\n\n\n", "can't be read"],
    ["about another address", `city : X\nquery_ip_address : ${LINKOEPING}\n\n\n`, "another address"],
    ["another address alone", `${LINKOEPING}\n\n`, "can't be read"],
    ["without the address", "city : X\n\n\n", "another address"],
    ["without an end", "city : X\n".repeat(10_000), "doesn't end"],
  ])("that is %s fails the query, and the next one has a new connection", async (_what, junk, reason) => {
    server.behave((_, socket) => void socket.write(junk));
    await expect(source.lookup(BOXFORD)).rejects.toThrow(reason);
    server.behave(undefined);
    expect(await source.lookup(BOXFORD)).toEqual(PLACE);
  });

  test("that doesn't come fails the query by its deadline", async () => {
    connect(SHORT_MS);
    server.behave(() => {});
    await expect(source.lookup(BOXFORD)).rejects.toThrow("No answer within 50 ms");
  });

  test("that comes too late isn't taken for the next one's", async () => {
    const late = Promise.withResolvers<void>();
    connect(SHORT_MS);
    server.behave(async (answer, socket) => {
      await late.promise;
      socket.write(answer);
    });
    await expect(source.lookup(BOXFORD)).rejects.toThrow("No answer");
    server.behave(async (answer, socket) => {
      late.resolve();
      await new Promise(setImmediate);
      socket.write(answer);
    });
    expect((await source.lookup(LINKOEPING))?.city).toBe("Linköping");
  });

  test.each([
    ["before", (answer: string) => answer.slice(0, 0)],
    ["within", (answer: string) => answer.slice(0, 40)],
  ])("%s which the server closes the connection fails the query, not the next", async (_when, part) => {
    server.behave((answer, socket) => void socket.end(part(answer)));
    await expect(source.lookup(BOXFORD)).rejects.toThrow("The server closed the connection");
    server.behave(undefined);
    expect(await source.lookup(BOXFORD)).toEqual(PLACE);
  });
});

test("a server that isn't there fails the query; when it is back it is asked again", async () => {
  await source.lookup(BOXFORD);
  await server.close();
  await expect(source.lookup(BOXFORD)).rejects.toThrow();
  await server.open();
  expect(await source.lookup(BOXFORD)).toEqual(PLACE);
});

describe("the fields of an answer", () => {
  test("are split at the first colon between blanks alone", () => {
    const answer = "city : A : B\nquery_ip_address : 2001:db8::1\ntime_zone : ::";
    expect(readFields(answer, "2001:db8::1")).toEqual({ city: "A : B", time_zone: "::" });
  });
  test("are none where nothing but the question is repeated", () => {
    expect(readFields("query_ip_address : 1.1.1.1\nquery_language : en", "1.1.1.1")).toBeUndefined();
  });
  test("are read or refused, whatever comes", () => {
    const text = fc.string({ unit: fc.constantFrom(..."a: \n1.") });
    fc.assert(
      fc.property(text, (answer) => {
        try {
          const fields = readFields(answer, "1.1.1.1");
          for (const value of Object.values(fields ?? {})) expect(value).not.toInclude("\n");
        } catch (error) {
          expect((error as Error).message).toStartWith("The server's answer");
        }
      }),
    );
  });
});
