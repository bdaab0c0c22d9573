/** What holds for every sink. Each implementation runs it against something that takes its visits. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import type { Sink } from "../../src/metrics/sinks/sink.ts";
import { visitsOf } from "./visits.ts";

/** A sink with what is behind it. */
export interface SinkUnderTest {
  readonly sink: Sink;
  /** Another one, for an address. */
  at(host: string, port: number): Sink;
  /** Waits until exactly these resources are stored; fails where that takes too long. */
  expectStored(resources: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

/** A signal for those who never give up. */
export const PATIENT = new AbortController().signal;

/** Declares the tests. */
export function describeSink(name: string, start: () => Promise<SinkUnderTest>): void {
  describe(name, () => {
    let it: SinkUnderTest;

    beforeAll(async () => {
      it = await start();
    }, 120_000);

    afterAll(async () => {
      await it.sink.close();
      await it.stop();
    });

    test("an empty batch resolves where the sink can be reached, and stores nothing", async () => {
      await it.sink.send([], PATIENT);
      await it.expectStored([]);
    });

    test("a batch is stored, and the next one too", async () => {
      const visits = visitsOf(3000);
      await it.sink.send(visits.slice(0, 2999), PATIENT);
      await it.sink.send(visits.slice(2999), PATIENT);
      await it.expectStored(visits.map(({ resource }) => resource));
    }, 30_000);

    test("after its connections are closed it connects again", async () => {
      await it.sink.close();
      await it.sink.send([], PATIENT);
    });

    test("where nobody listens it rejects, for a batch and for the question", async () => {
      const sink = it.at("127.0.0.1", await unusedPort());
      const signal = AbortSignal.timeout(5000);
      await expect(sink.send([], signal)).rejects.toThrow();
      await expect(sink.send(visitsOf(1), signal)).rejects.toThrow();
      await sink.close();
    }, 20_000);

    test.each([
      ["a batch", visitsOf(2)],
      ["a large batch", visitsOf(5000)],
    ])("with somebody who takes the connection and says nothing, %s is given up", async (_name, visits) => {
      const silent = createServer((socket) => socket.on("error", () => {}).pause());
      await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
      const { port } = silent.address() as { port: number };
      const sink = it.at("127.0.0.1", port);
      await expect(sink.send(visits, AbortSignal.timeout(200))).rejects.toThrow();
      await sink.close();
      silent.close();
    });

    test("a signal that has aborted already is an error", async () => {
      await expect(it.sink.send(visitsOf(1), AbortSignal.abort())).rejects.toThrow();
    });

    test("it says what it is called and how many visits it takes", () => {
      expect(it.sink.name).toMatch(/^[a-z]+$/);
      expect(it.sink.batchMost).toBeGreaterThan(999);
    });
  });
}

/** A port of 127.0.0.1 that nobody listens on. */
export async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
