import { expect, test } from "bun:test";
import type { Connection } from "./connection.ts";
import { CopyWriter } from "./copy-writer.ts";

const CONNECTION = {} as Connection;

function startWriter() {
  const world = { isOpen: true, begun: [] as string[], errors: [] as string[] };
  const held = new Map<string, PromiseWithResolvers<boolean>>();
  const writer = new CopyWriter({
    connection: () => (world.isOpen ? CONNECTION : undefined),
    onError: (_, { message }) => world.errors.push(message),
  });
  /** A write that ends when it is told to. */
  const add = (key: string, name = key) =>
    writer.add(key, {
      perform() {
        world.begun.push(name);
        const ended = Promise.withResolvers<boolean>();
        held.set(name, ended);
        return ended.promise;
      },
    });
  const end = async (name: string, isWritten = true) => {
    held.get(name)!.resolve(isWritten);
    await Bun.sleep(0);
  };
  const fail = async (name: string) => {
    held.get(name)!.reject(new Error("broken"));
    await Bun.sleep(0);
  };
  return { writer, world, add, end, fail };
}

test("four are written at once, the others in their turn", async () => {
  const { writer, world, add, end, fail } = startWriter();
  for (const key of ["a", "b", "c", "d", "e", "f"]) add(key);
  expect([world.begun, writer.waiting]).toEqual([["a", "b", "c", "d"], 2]);
  await end("b");
  await fail("a");
  expect(world.begun).toEqual(["a", "b", "c", "d", "e", "f"]);
  // What there was no reason to write any more is neither.
  await end("c", false);
  expect(writer.counts).toEqual({ written: 1, dropped: 0, failed: 1 });
  expect(world.errors).toEqual(["broken"]);
});

test("while there is no connection they wait, a newer one of a key in the place of an older", () => {
  const { writer, world, add } = startWriter();
  world.isOpen = false;
  add("a", "old");
  add("b");
  add("a", "new");
  expect([world.begun, writer.waiting]).toEqual([[], 2]);
  world.isOpen = true;
  writer.wake();
  expect(world.begun).toEqual(["new", "b"]);
});

test("beyond 256 that wait they are dropped and counted", () => {
  const { writer, world, add } = startWriter();
  world.isOpen = false;
  for (let at = 0; at < 258; at++) add(String(at));
  add("0", "newer");
  expect([writer.waiting, writer.counts.dropped]).toEqual([256, 2]);
});
