import { expect, test } from "bun:test";
import fc from "fast-check";
import { LedgerBench } from "../../test/support/ledger-bench.ts";

const KEYS = ["a", "b", "c", "d", "e", "f"] as const;
const CACHE_BYTES = 200;
const MEMORY_BYTES = 3500;

const ACTIONS = [
  "store",
  "begin",
  "write",
  "fail-write",
  "rewrite",
  "find",
  "move-to-memory",
  "negative",
  "drop",
  "reserve",
  "grow",
  "release",
  "leave",
  "learn",
  "describe",
  "forget-stranger",
  "clear",
] as const;
type Action = (typeof ACTIONS)[number];

/** Random use of the books as the store uses them, with what is out meanwhile. */
class Play {
  readonly bench = new LedgerBench(CACHE_BYTES, MEMORY_BYTES);
  readonly #writes: { write(isWell?: boolean): void }[] = [];
  readonly #rooms: { grow(bytes: number): boolean; release(): void }[] = [];
  /** Names that the directory was listed with and that weren't read yet. */
  readonly listed = new Set<string>();
  /** What an edge holds for itself: keys, with whether the body is in memory. */
  readonly edge = new Map<string, boolean>();

  take(action: Action, key: string, bytes: number): void {
    const { ledger, files, dropped } = this.bench;
    const before = dropped.length;
    // What a key has on disk is looked for before S3 is asked about it.
    if (action === "store" || action === "begin" || action === "negative") this.#learn(key);
    // A replaced object is told to edges by who replaces it.
    if (action === "store" || action === "begin") this.edge.delete(key);
    this.#act(action, key, bytes);
    for (const gone of dropped.slice(before)) this.edge.delete(gone);
    for (const name of this.listed) if (!files.has(name)) this.listed.delete(name);
    if (action !== "find") return;
    const entry = ledger.peek(key);
    if (entry !== undefined) this.edge.set(key, entry.content.body.kind === "memory");
  }

  #act(action: Action, key: string, bytes: number): void {
    const { bench } = this;
    const { ledger } = bench;
    const acts: Record<Action, () => unknown> = {
      store: () => bench.store(key, bytes),
      begin: () => this.#writes.push(bench.begin(key, bytes)),
      write: () => this.#writes.shift()?.write(),
      "fail-write": () => this.#writes.pop()?.write(false),
      rewrite: () => bench.rewrite(key, bytes),
      find: () => ledger.find(key),
      "move-to-memory": () => this.#moveToMemory(key),
      negative: () => ledger.addNegative({ ...bench.inFile(key, 0, 0), content: { kind: "missing" } }),
      drop: () => ledger.drop(key),
      reserve: () => this.#reserve(bytes),
      grow: () => this.#rooms.at(-1)?.grow(bytes),
      release: () => this.#rooms.pop()?.release(),
      leave: () => this.#leave(key, bytes),
      learn: () => this.#learn(key),
      describe: () => this.#describe(key),
      "forget-stranger": () => this.#forgetStranger(`${key}/0`),
      clear: () => this.#clear(),
    };
    acts[action]();
  }

  #reserve(bytes: number): void {
    const room = this.bench.reserve(bytes);
    if (room !== undefined) this.#rooms.push(room);
  }

  #leave(key: string, bytes: number): void {
    const name = `${key}/0`;
    if (this.bench.files.has(name) || this.bench.ledger.isKnown(key)) return;
    this.listed.add(name);
    this.bench.leave(name, bytes);
  }

  #learn(key: string): void {
    if (this.listed.delete(`${key}/0`)) this.bench.learn(key, 0);
  }

  #forgetStranger(name: string): void {
    if (!this.listed.delete(name)) return;
    this.bench.files.delete(name);
    this.bench.ledger.strangers.forget(name);
  }

  #moveToMemory(key: string): void {
    const { ledger } = this.bench;
    const entry = ledger.peek(key);
    if (entry?.content.body.kind !== "file" || !ledger.hasWholeFile(key)) return;
    const { body } = this.bench.inMemory(key, 0).content;
    ledger.moveToMemory({ ...entry, content: { ...entry.content, body } });
  }

  #describe(key: string): void {
    const { ledger, files } = this.bench;
    const copy = ledger.copyOf(key);
    if (copy === undefined || !ledger.isUndescribed(key)) return;
    ledger.describe(this.bench.inFile(key, files.get(`${key}/${copy}`) ?? 0, copy, false));
  }

  #clear(): void {
    this.bench.ledger.clear();
    this.bench.files.clear();
    this.edge.clear();
  }
}

/** Fails where the books and the directory disagree, or a bound doesn't hold. */
function expectInStep({ bench, listed, edge }: Play): void {
  const { ledger, files } = bench;
  expect(bench.missed).toEqual([]);
  expect(bench.takenBytes).toBeLessThanOrEqual(CACHE_BYTES);
  expect(bench.heldBytes).toBeLessThanOrEqual(MEMORY_BYTES);
  const known = [...ledger.keys()].filter((key) => ledger.hasWholeFile(key));
  const names = [...known.map((key) => `${key}/${ledger.copyOf(key)}`), ...listed];
  expect([...files.keys()].sort()).toEqual(names.sort());
  for (const key of ledger.keys()) {
    const body = ledger.peek(key)?.content.body;
    // Nothing is remembered whose body is nowhere, and a path is that of the file that is there.
    expect(body?.kind === "memory" || ledger.copyOf(key) !== undefined).toBe(true);
    if (body?.kind === "file") expect(body.path).toBe(`dir/${key}/${ledger.copyOf(key)}`);
  }
  for (const [key, isInMemory] of edge) {
    expect(ledger.hasObject(key)).toBe(true);
    // An edge that went on holding a body would hold it beyond the bound.
    if (isInMemory) expect(ledger.peek(key)?.content.body.kind).toBe("memory");
  }
}

test("whatever is stored, written, evicted and cleared: bounds hold, no file is forgotten, none is unlinked twice", () => {
  const step = fc.record({
    action: fc.constantFrom(
      ...ACTIONS.filter((action) => action !== "clear"),
      "store",
      "begin",
      "write",
      "find",
    ),
    key: fc.constantFrom(...KEYS),
    bytes: fc.integer({ min: 1, max: 120 }),
  });
  const clear = fc.record({ action: fc.constant("clear"), key: fc.constant("a"), bytes: fc.constant(1) });
  const steps = fc.array(fc.oneof({ weight: 60, arbitrary: step }, { weight: 1, arbitrary: clear }), {
    maxLength: 120,
    size: "max",
  });
  fc.assert(
    fc.property(steps, (taken) => {
      const play = new Play();
      for (const { action, key, bytes } of taken) {
        play.take(action as Action, key, bytes);
        expectInStep(play);
      }
    }),
    { numRuns: 300 },
  );
});

test("of a hundred objects, those that are used between any two newcomers stay, whatever the sizes", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 100, maxLength: 100 });
  fc.assert(
    fc.property(sizes, (bytes) => {
      const bench = new LedgerBench(CACHE_BYTES);
      for (const key of ["hot-1", "hot-2"]) bench.store(key, 30);
      for (const [index, size] of bytes.entries()) {
        for (const key of ["hot-1", "hot-2"]) expect(bench.ledger.find(key)).toBeDefined();
        expect(bench.store(`cold-${index}`, size)).toBe(true);
      }
      expect(bench.dropped).not.toEqual([]);
    }),
    { numRuns: 50 },
  );
});
