/**
 * Representations of stored objects in other content codings. Each is made once, behind the answers, and kept like an object
 * under a name of its own; or the bucket has it ready (`prepared.ts`).
 */

import { BoundedMap } from "../common/bounded-map.ts";
import type { Coding } from "../http/coding.ts";
import type { Log } from "../log/log.ts";
import { decode, encode } from "./codec.ts";
import { isAtHand, isObject } from "./lookups.ts";
import type { Prepared } from "./prepared.ts";
import type { ObjectEntry } from "./protocol.ts";
import { SMALL_BODY_BYTES } from "./protocol.ts";
import {
  asVariant,
  codingsOf,
  RECODED_MOST_BYTES,
  storedCodingOf,
  variantEtag,
  variantName,
  variantNames,
} from "./representations.ts";
import type { Store } from "./store.ts";
import type { Ticket } from "./tickets.ts";

/** Most bodies that wait to be encoded. One more isn't: who wants it gets the object as it is, and asks again later. */
const MOST_WAITING = 64;
/** Longest time for one body, in milliseconds. */
const LONGEST_MS = 30_000;
/** Most representations of which it is remembered that they aren't worth making. */
const REMEMBERED_REFUSALS = 10_000;

/** What `Variants` is made of. */
export interface VariantsParts {
  readonly store: Store;
  /** What the bucket has ready. */
  readonly prepared: Prepared;
  /** Told of which key another representation is at hand. */
  readonly onMade: (key: string) => void;
  readonly nowMs: () => number;
  readonly log: Log;
}

/** Finds and makes representations. */
export class Variants {
  readonly #parts: VariantsParts;
  /** By name, what is being found or made, and of which copy of the object. */
  readonly #making = new Map<string, { readonly generation: number; readonly made: Promise<boolean> }>();
  /** By name, the entity tag of what isn't worth it, can't be done or can't be kept. */
  readonly #refused = new BoundedMap<string, string>(REMEMBERED_REFUSALS);
  readonly #stop = new AbortController();
  /** One after the other: a slow level takes a whole core. */
  #queue: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(parts: VariantsParts) {
    this.#parts = parts;
  }

  /** The representations of an object that are at hand, beside itself. Not a use of any. */
  of(base: ObjectEntry): ObjectEntry[] {
    const stored = storedCodingOf(base);
    const found: ObjectEntry[] = [];
    for (const coding of codingsOf(base)) {
      if (coding === stored) continue;
      const variant = this.#parts.prepared.of(base, coding) ?? this.#kept(base, coding);
      if (variant !== undefined) found.push(variant);
    }
    return found;
  }

  /** Makes sure of a representation, and tells of it where it wasn't at hand. False where it can't be had. Never rejects. */
  make(base: ObjectEntry, coding: Coding): Promise<boolean> {
    const name = variantName(base.key, coding);
    const { generation } = base;
    const making = this.#making.get(name);
    if (making?.generation === generation) return making.made;
    const made = this.#make(base, coding, name)
      .catch((error) => {
        this.#parts.log.warn("Not encoded", { key: base.key, coding, reason: (error as Error).message });
        return false;
      })
      .finally(() => {
        if (this.#making.get(name)?.made === made) this.#making.delete(name);
      });
    this.#making.set(name, { generation, made });
    return made;
  }

  /** Forgets a key's representation whose body can't be had. */
  drop(key: string, generation: number): void {
    const { store, prepared } = this.#parts;
    for (const name of [...variantNames(key), ...prepared.keysFor(key)])
      if (store.peek(name)?.generation === generation) store.drop(name);
  }

  /** Makes nothing more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#making.values()].map(({ made }) => made));
    await this.#queue;
  }

  async #make(base: ObjectEntry, coding: Coding, name: string): Promise<boolean> {
    if (!codingsOf(base).includes(coding) || coding === storedCodingOf(base)) return false;
    const isReady = await this.#parts.prepared.fetch(base, coding);
    // What is made now would be at hand, and nobody would look again.
    if (isReady === undefined) return false;
    const isHad =
      isReady || ((await this.#recall(base, coding, name)) ?? (await this.#inTurn(base, coding, name)));
    if (isHad) this.#parts.onMade(base.key);
    return isHad;
  }

  /** What is kept of an object in a coding. */
  #kept(base: ObjectEntry, coding: Coding): ObjectEntry | undefined {
    const kept = this.#parts.store.peek(variantName(base.key, coding));
    if (kept === undefined || !isAtHand(kept) || !isOf(kept, base, coding)) return undefined;
    return asVariant(base, kept, coding);
  }

  /** Makes ready what is kept already. Undefined where there is none; false where it can't be held. */
  async #recall(base: ObjectEntry, coding: Coding, name: string): Promise<boolean | undefined> {
    const { store } = this.#parts;
    const known = store.peek(name) ?? (store.isWorthLooking(name) ? await store.findOnDisk(name) : undefined);
    if (known === undefined || !isObject(known) || !isOf(known, base, coding)) return undefined;
    if (isAtHand(known)) return true;
    const opened = await store.open(known);
    return opened?.isKept;
  }

  /** Waits for its turn, unless too many do. */
  #inTurn(base: ObjectEntry, coding: Coding, name: string): Promise<boolean> | boolean {
    if (this.#waiting >= MOST_WAITING || this.#refused.get(name) === base.content.head.etag) return false;
    this.#waiting++;
    const made = this.#queue
      .then(() => this.#recode(base, coding, name))
      .finally(() => {
        this.#waiting--;
      });
    this.#queue = made.catch(() => {});
    return made;
  }

  async #recode(base: ObjectEntry, coding: Coding, name: string): Promise<boolean> {
    const { store, log, nowMs } = this.#parts;
    const startedMs = nowMs();
    if (this.#stop.signal.aborted || !store.holds(base)) return false;
    // A file that has gone meanwhile is no reason never to try again.
    const body = await bytesOf(base);
    const ticket = store.beginFill(name);
    try {
      const bytes = await this.#recoded(body, base, coding).catch((error: Error) => error);
      if (this.#stop.signal.aborted) return false;
      if (bytes instanceof Error) return this.#refuse(base, coding, bytes.message);
      if (coding !== "identity" && bytes.length >= body.length)
        return this.#refuse(base, coding, "It gets no smaller");
      if (!store.holds(base)) return false;
      const isKept = await this.#keep(base, coding, bytes, ticket);
      // Unless it was cleared or replaced, it would be the same the next time.
      if (!isKept && ticket.isValid && store.holds(base))
        return this.#refuse(base, coding, "There is no room for it");
      const ms = nowMs() - startedMs;
      log.info("Encoded", { key: base.key, coding, bytes: bytes.length, of: body.length, ms });
      return isKept;
    } finally {
      store.endFill(ticket);
    }
  }

  /** It isn't tried again for this version of the object. */
  #refuse({ key, content }: ObjectEntry, coding: Coding, reason: string): false {
    this.#refused.set(variantName(key, coding), content.head.etag ?? "");
    this.#parts.log.info("Not encoded", { key, coding, reason });
    return false;
  }

  async #recoded(
    body: Uint8Array,
    base: ObjectEntry,
    coding: Coding,
  ): Promise<Uint8Array<SharedArrayBuffer>> {
    const stored = storedCodingOf(base);
    if (coding !== "identity")
      return encode(body, coding, AbortSignal.any([this.#stop.signal, AbortSignal.timeout(LONGEST_MS)]));
    if (stored === undefined || stored === "identity") throw new Error("It isn't encoded");
    return decode(body, stored, RECODED_MOST_BYTES);
  }

  async #keep(
    base: ObjectEntry,
    coding: Coding,
    bytes: Uint8Array<SharedArrayBuffer>,
    ticket: Ticket,
  ): Promise<boolean> {
    const { store } = this.#parts;
    const { storedAtMs, freshUntilMs, expiresAtMs } = base;
    const times = { storedAtMs, freshUntilMs, expiresAtMs };
    const head = { etag: variantEtag(base, coding) };
    if (bytes.length <= SMALL_BODY_BYTES) return store.keepInMemory(head, bytes, times, ticket).isKept;
    const draft = await store.draft(bytes.length);
    if (draft === undefined) return false;
    try {
      await draft.write(bytes);
    } catch (error) {
      await draft.discard();
      throw error;
    }
    return (await store.keepFile(head, draft, times, ticket)) !== undefined;
  }
}

/** True where what is kept was made of the very bytes of the object. */
function isOf(kept: ObjectEntry, base: ObjectEntry, coding: Coding): boolean {
  return kept.content.head.etag === variantEtag(base, coding);
}

/** Rejects where its file is gone. */
async function bytesOf({ content: { body, bodyBytes } }: ObjectEntry): Promise<Uint8Array> {
  if (body.kind === "growing") throw new Error("It is still arriving");
  return body.kind === "memory" ? body.bytes : await Bun.file(body.path).slice(0, bodyBytes).bytes();
}
