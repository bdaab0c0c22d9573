/** The objects of the soak: a key says what its bytes are, so that every answer can be checked. */

interface Kind {
  readonly count: number;
  readonly bodyBytes: number;
}

/** Kinds of objects by the folder they are in. `huge` ones are downloaded in part only. */
const KINDS = {
  page: { count: 2_000, bodyBytes: 3_000 },
  picture: { count: 400, bodyBytes: 30_000 },
  large: { count: 60, bodyBytes: 200_000 },
  unstored: { count: 20, bodyBytes: 5_000 },
  huge: { count: 4, bodyBytes: 8_000_000 },
} as const satisfies Record<string, Kind>;

/** A kind of object, or `missing` for keys without one. */
export type KeyKind = keyof typeof KINDS | "missing";

const MISSING_COUNT = 500;
/** All of them together are 60 MB. */
const bodies = new Map<string, Buffer<ArrayBuffer>>();

/** A random key of a kind. */
export function randomKey(kind: KeyKind): string {
  const count = kind === "missing" ? MISSING_COUNT : KINDS[kind].count;
  return `${kind}/${Math.floor(Math.random() * count)}.txt`;
}

/** Every key of a kind. */
export function keysOf(kind: keyof typeof KINDS): string[] {
  return Array.from({ length: KINDS[kind].count }, (_, index) => `${kind}/${index}.txt`);
}

/** An object's bytes; undefined for a key without an object. */
export function bodyOf(key: string): Buffer<ArrayBuffer> | undefined {
  const kind = key.split("/")[0] ?? "";
  if (!(kind in KINDS)) return undefined;
  const known = bodies.get(key);
  if (known !== undefined) return known;
  const body = Buffer.alloc(KINDS[kind as keyof typeof KINDS].bodyBytes, `${key}\n`);
  bodies.set(key, body);
  return body;
}

/** False for objects that say `no-store`. */
export function isStorable(key: string): boolean {
  return !key.startsWith("unstored/");
}
