/** What can happen in a fuzz run, as data: made by fast-check, shrunk by it, and written out where a run fails. */

import fc from "fast-check";
import { KEYS } from "./bucket.ts";
import { FAULTS, type FaultKind } from "./faults.ts";

const KIB = 1024;

/** Bounds and rules of one run. */
export interface Setting {
  /** Which of the keys are used: few, so that things meet. */
  readonly keys: readonly number[];
  readonly cacheBytes: number;
  readonly memoryBytes: number;
  readonly maxObjectBytes: number;
  readonly isForced: boolean;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  readonly areFilesGated: boolean;
  /** True for an S3 that takes no notice of `If-Match`, as some do. */
  readonly ignoresIfMatch: boolean;
}

/** What a client wants of an object: all of it, or from one share of its length to another. */
export type Want = "all" | "head" | "known" | readonly [number, number];

/** One thing that happens. Numbers are taken modulo what there is. */
export type Event =
  | {
      readonly kind: "get";
      readonly key: number;
      readonly want: Want;
      readonly clients: number;
      readonly isSlow: boolean;
      readonly leavesAfter: number | undefined;
    }
  | { readonly kind: "put"; readonly key: number; readonly size: number | "same" }
  | { readonly kind: "describe" | "missing" | "denied"; readonly key: number }
  | { readonly kind: "revert"; readonly key: number; readonly version: number }
  | { readonly kind: "clear"; readonly scope: "all" | "a/" | "b/" | number }
  /** The wall clock alone: `ms` may be negative. */
  | { readonly kind: "clock"; readonly ms: number }
  /** Time passes, timers go off. */
  | { readonly kind: "time"; readonly ms: number }
  | { readonly kind: "fault"; readonly of: FaultKind; readonly how: number; readonly count: number }
  | { readonly kind: "leave"; readonly visit: number }
  | { readonly kind: "delete file"; readonly file: number }
  | { readonly kind: "index" }
  | {
      readonly kind: "restart";
      readonly how: "stop" | "abort" | "kill";
      readonly isIndexed: boolean;
      readonly damage: "none" | "flip" | "cut" | "foreign";
      readonly file: number;
      readonly at: number;
    }
  | { readonly kind: "nothing" };

/** Something happens, and then some of what waits goes on: the numbers say which, in turn. */
export interface Step {
  readonly event: Event;
  readonly go: readonly number[];
}

/** One run. */
export interface Script {
  readonly setting: Setting;
  readonly steps: readonly Step[];
}

const small = fc.nat({ max: 7 });
const key = fc.nat({ max: KEYS.length - 1 });
const share = fc.constantFrom(0, 0.01, 0.3, 0.5, 0.6, 0.8, 0.99, 1, 1.2);

const want: fc.Arbitrary<Want> = fc.oneof(
  { arbitrary: fc.constant("all" as const), weight: 6 },
  { arbitrary: fc.constantFrom("head" as const, "known" as const), weight: 1 },
  { arbitrary: fc.tuple(share, share), weight: 4 },
);

const get = fc.record({
  kind: fc.constant("get" as const),
  key,
  want,
  clients: fc.constantFrom(1, 1, 1, 3),
  isSlow: fc.boolean(),
  leavesAfter: fc.option(fc.nat({ max: 3 }), { nil: undefined, freq: 3 }),
});

const fault = fc.constantFrom<FaultKind>("answer", "chunk", "file").chain((of) =>
  fc.record({
    kind: fc.constant("fault" as const),
    of: fc.constant(of),
    how: fc.nat({ max: FAULTS[of].length - 1 }),
    count: fc.constantFrom(1, 2, 3),
  }),
);

const restart = fc.record({
  kind: fc.constant("restart" as const),
  how: fc.constantFrom("stop" as const, "abort" as const, "kill" as const),
  isIndexed: fc.boolean(),
  damage: fc.constantFrom(
    "none" as const,
    "none" as const,
    "flip" as const,
    "cut" as const,
    "foreign" as const,
  ),
  file: small,
  at: fc.nat({ max: 1000 }),
});

const event: fc.Arbitrary<Event> = fc.oneof(
  { arbitrary: fc.constant<Event>({ kind: "nothing" }), weight: 4 },
  { arbitrary: get, weight: 40 },
  {
    arbitrary: fc.record({
      kind: fc.constant("put" as const),
      key,
      size: fc.oneof(fc.constant("same" as const), fc.constantFrom(0, 0.2, 0.5, 0.9, 1)),
    }),
    weight: 10,
  },
  {
    arbitrary: fc.record({
      kind: fc.constantFrom("describe" as const, "missing" as const, "denied" as const),
      key,
    }),
    weight: 6,
  },
  { arbitrary: fc.record({ kind: fc.constant("revert" as const), key, version: small }), weight: 3 },
  {
    arbitrary: fc.record({
      kind: fc.constant("clear" as const),
      scope: fc.oneof(fc.constantFrom("all" as const, "a/" as const, "b/" as const), key),
    }),
    weight: 8,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant("clock" as const),
      ms: fc.constantFrom(1_000, 11_000, 31_000, 61_000, 90_000, 200_000, -5_000, -100_000),
    }),
    weight: 9,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant("time" as const),
      ms: fc.constantFrom(300, 600, 600, 600, 5_000, 31_000),
    }),
    weight: 6,
  },
  { arbitrary: fault, weight: 7 },
  { arbitrary: fc.record({ kind: fc.constant("leave" as const), visit: small }), weight: 5 },
  { arbitrary: fc.record({ kind: fc.constant("delete file" as const), file: small }), weight: 4 },
  { arbitrary: fc.constant<Event>({ kind: "index" }), weight: 1 },
  { arbitrary: restart, weight: 3 },
);

const setting: fc.Arbitrary<Setting> = fc.record({
  keys: fc.subarray([...KEYS.keys()], { minLength: 2, maxLength: 5 }),
  cacheBytes: fc.constantFrom(8192 * KIB, 0, 600 * KIB, 4096 * KIB, 5000 * KIB, 65_536 * KIB),
  memoryBytes: fc.constantFrom(1024 * KIB, 0, 70 * KIB, 160 * KIB),
  maxObjectBytes: fc.constantFrom(2 ** 30, 2 ** 30, 3000 * KIB),
  isForced: fc.constantFrom(false, false, false, true),
  staleWhileRevalidateMs: fc.constantFrom(0, 20_000),
  staleIfErrorMs: fc.constantFrom(0, 100_000),
  areFilesGated: fc.boolean(),
  ignoresIfMatch: fc.boolean(),
});

/** Runs of up to so many steps. */
export function scripts(mostSteps: number): fc.Arbitrary<Script> {
  const step = fc.record({ event, go: fc.array(fc.nat({ max: 99 }), { maxLength: 8, size: "max" }) });
  return fc.record({ setting, steps: fc.array(step, { maxLength: mostSteps, size: "max" }) });
}

/** A run as text that can be read. */
export function describeScript({ setting, steps }: Script): string {
  const lines = steps.map(({ event: { kind, ...rest }, go }, at) => {
    const details = Object.entries(rest).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
    return `  ${at + 1}. ${kind} ${details.join(" ")}${go.length === 0 ? "" : ` then ${go.join(" ")}`}`;
  });
  return [JSON.stringify(setting), ...lines].join("\n");
}
