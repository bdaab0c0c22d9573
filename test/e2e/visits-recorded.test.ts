/** What is recorded of a request, seen where it is stored: the lines that a QuestDB would get. */

import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { certificateFolder } from "../support/certificate-folder.ts";
import { type Ask, ask, PROTOCOLS } from "../support/client.ts";
import { askHttp3 } from "../support/http3-client.ts";
import { readLines } from "../support/line-protocol.ts";
import { type LineServer, startLineServer } from "../support/line-server.ts";
import { inOrder, leaveStreams, PLACES_OPTIONS, type Seen, WALK_OPTIONS, walk } from "../support/walk.ts";
import { type Serving, startServing } from "./serving.ts";

setDefaultTimeout(30_000);

/** The program's time of day is known to some milliseconds. */
const CLOCK_MS = 5;
const PLACE_TAGS = ["city", "subdivision", "country", "country_iso_code", "continent"];
const PLACE_FIELDS = ["latitude", "longitude"];

let lines: LineServer;
let it: Serving;

beforeEach(async () => {
  lines = await startLineServer();
});
afterEach(async () => {
  await it?.stop();
  await lines?.stop();
});

async function serve(threads: number, ...args: string[]): Promise<void> {
  const ilp = ["--ilp-host", "127.0.0.1", "--ilp-port", String(lines.port)];
  it = await startServing({ threads, args: [...ilp, ...args] });
}

/** Expects that exactly these requests were recorded when the program has stopped, with tags and fields to the letter. */
async function expectRecorded(seen: readonly Seen[]): Promise<void> {
  await it.stop();
  const text = lines.lines().map((line) => `${line}\n`);
  const found = inOrder(readLines(text.join("")), ({ tags }) => tags);
  const wanted = inOrder(seen, ({ texts }) => texts);
  const records = found.map(({ series, tags, fields: { time, ...fields } }) => ({ series, tags, fields }));
  expect(records).toEqual(wanted.map(recordOf));
  for (const [at, { begunMs, leftMs = 0, endedMs }] of wanted.entries()) {
    const [cameMs, tookMs] = [Number(found[at]?.timestamp) / 1e6, Number(found[at]?.fields.time)];
    expect(cameMs).toBeWithin(begunMs - CLOCK_MS, endedMs + CLOCK_MS);
    expect(tookMs).toBeWithin(0.001, endedMs - begunMs + CLOCK_MS);
    expect(cameMs + tookMs).toBeGreaterThan(leftMs - CLOCK_MS);
  }
}

function recordOf({ texts, size, status, compressed, location = {} }: Seen) {
  const placed = (names: readonly string[]) =>
    names.flatMap((name) => (location[name] === undefined ? [] : [[name, location[name]] as const]));
  const numbers = placed(PLACE_FIELDS).map(([name, value]) => [name, String(Number(value))]);
  const counts = { size: `${size}i`, status: `${status}i`, compressed: compressed ? "t" : "f" };
  return {
    series: "request",
    tags: { ...texts, ...Object.fromEntries(placed(PLACE_TAGS)) },
    fields: { ...counts, ...Object.fromEntries(numbers) },
  };
}

describe.each(PROTOCOLS)("over %s", (protocol) => {
  test("every answer is recorded, with what was sent of it", async () => {
    await serve(1, ...WALK_OPTIONS, ...PLACES_OPTIONS);
    const how = (request: Ask) => ask(it.port, { ...request, protocol });
    await expectRecorded(await walk({ ...it, ask: how, folder: "walk" }));
  });

  test.each([1, 2])(
    "with %d thread(s), of a stream that is cut off there is what was handed over, and how long that took",
    async (threads) => {
      await serve(threads);
      await expectRecorded(await leaveStreams({ ...it, folder: "walk" }, protocol));
    },
  );
});

test("over HTTP/3 every answer is recorded too", async () => {
  const folder = certificateFolder("one.test");
  await serve(1, ...WALK_OPTIONS, ...PLACES_OPTIONS, ...folder.flags, "--http3");
  await expectRecorded(await walk({ ...it, ask: (request) => askHttp3(it.port, request), folder: "walk" }));
  folder.remove();
});
