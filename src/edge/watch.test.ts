import { expect, test } from "bun:test";
import { ClientAddresses } from "./client-address.ts";
import type { Exchange, Observer } from "./exchange.ts";
import { Handover, noteBody } from "./handed-over.ts";
import { type Answer, watched } from "./watch.ts";

/** Answers with `answer`, watched by two, on a clock that goes on by 1 ns at each look; says what they saw. */
function watch(answer: Answer) {
  const seen: Exchange[][] = [[], []];
  const observers: Observer[] = seen.map((its) => ({ see: (exchange) => void its.push(exchange) }));
  let ns = 0;
  const addresses = new ClientAddresses(["192.0.2.0/24"]);
  const answering = watched(answer, { addresses, observers, nowNs: () => ns++ });
  const headers = { "x-forwarded-for": "198.51.100.1" };
  const ask = (url = "http://a/x%20y?secret=1") =>
    answering(
      new Request(url, { headers }),
      (_, it) => it,
      () => "192.0.2.1",
    );
  return { seen, ask };
}

const page = () =>
  noteBody(
    new Response("12345", {
      status: 404,
      headers: { "content-type": "Text/HTML; charset=utf-8", "cache-status": "s3proxy; hit; ttl=5" },
    }),
    5,
  );

test("what is answered at once is seen at once, by each observer once", () => {
  const { seen, ask } = watch(page);
  expect(ask()).toBeInstanceOf(Response);
  for (const its of seen) {
    expect(its.map(({ request, ...others }) => others)).toEqual([
      {
        ipAddress: "198.51.100.1",
        startedNs: 0,
        method: "GET",
        resource: "/x%20y",
        mimeType: "text/html",
        sizeBytes: 5,
        timeNs: 1,
        status: 404,
        isCompressed: false,
        isPicked: false,
        cacheStatus: "hit",
        hot: undefined,
      },
    ]);
  }
});

test("what is answered later is seen when it is there", async () => {
  const { promise, resolve } = Promise.withResolvers<Response>();
  const { seen, ask } = watch(() => promise);
  const answered = ask();
  expect(seen).toEqual([[], []]);
  resolve(page());
  expect((await answered).status).toBe(404);
  expect(seen.map((its) => its.map(({ status }) => status))).toEqual([[404], [404]]);
});

test("a stream is seen when it is over, with what was handed over", () => {
  const handover = new Handover();
  const { seen, ask } = watch(() => noteBody(new Response(null), handover));
  ask();
  handover.add(3);
  expect(seen).toEqual([[], []]);
  handover.end();
  expect(seen.map((its) => its.map(({ sizeBytes }) => sizeBytes))).toEqual([[3], [3]]);
});

test("an answer that fails is seen as what the client gets then", async () => {
  const { seen, ask } = watch(() => Promise.reject(new Error("a mistake")));
  await expect(Promise.resolve(ask())).rejects.toThrow("a mistake");
  expect(seen.map((its) => its.map(({ status }) => status))).toEqual([[500], [500]]);
});

test("no address is asked for where nobody looks at it", () => {
  const seen: Exchange[] = [];
  const observers: Observer[] = [{ isBlind: true, see: (exchange) => void seen.push(exchange) }];
  const answering = watched(page, { addresses: new ClientAddresses([]), observers, nowNs: () => 0 });
  const refuse = () => {
    throw new Error("The peer was asked for");
  };
  answering(new Request("http://a/"), (_, it) => it, refuse);
  expect(seen.map(({ ipAddress, status }) => [ipAddress, status])).toEqual([["", 404]]);
});

test("nothing is watched, and no address asked for, where nobody wants to know", () => {
  const answering = watched(page, { addresses: new ClientAddresses([]), observers: [], nowNs: () => 0 });
  const refuse = () => {
    throw new Error("The peer was asked for");
  };
  expect(answering(new Request("http://a/"), (_, it) => it, refuse)).toBeInstanceOf(Response);
});
