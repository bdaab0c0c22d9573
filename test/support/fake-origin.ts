import type {
  ObjectHead,
  Origin,
  OriginAnswer,
  OriginBody,
  OriginRequest,
  Part,
  PartAnswer,
} from "../../src/origin/origin.ts";
import { OriginError } from "../../src/origin/origin.ts";
import { createHold, type Hold, type HoldControl } from "./hold.ts";

/** What a fake origin has under one key. */
interface FakeObject {
  readonly bytes: Uint8Array;
  readonly head: ObjectHead;
  /** After so many bytes the body breaks. */
  readonly cutAt?: number;
  /** False where the length isn't announced. */
  readonly hasLength: boolean;
}

const CHUNK_BYTES = 16 * 1024;
const NEVER = new Promise<never>(() => {});

/** An origin in memory, without a network: what it is asked is counted, and its answers can be held. */
export class FakeOrigin implements Origin {
  readonly name: string;
  /** Every key that was asked for, in order. */
  readonly asked: string[] = [];
  /** What each question said was stored already. */
  readonly askedWith: (ObjectHead | undefined)[] = [];
  /** Every part that was asked for, in order. */
  readonly askedParts: Part[] = [];
  /** How many bodies were cancelled. */
  cancelled = 0;
  readonly #objects = new Map<string, FakeObject>();
  readonly #answers = new Map<string, OriginAnswer>();
  readonly #once = new Map<string, OriginAnswer>();
  #hold: HoldControl | undefined;
  #bodyHold: HoldControl | undefined;

  constructor(name = "https://fake.example/") {
    this.name = name;
  }

  /** Has an object; `head` is what its answer says. */
  put(
    key: string,
    body: string | Uint8Array,
    head: ObjectHead = {},
    rest: { cutAt?: number; hasLength?: boolean } = {},
  ): void {
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    this.#answers.delete(key);
    this.#objects.set(key, { bytes, head, hasLength: true, ...rest });
  }

  /** Says this to whoever asks for the key; a key of which nothing is known is missing. */
  answer(key: string, answer: OriginAnswer): void {
    this.#answers.set(key, answer);
  }

  /** Says this once; after that what it would have said. */
  answerOnce(key: string, answer: OriginAnswer): void {
    this.#once.set(key, answer);
  }

  /** Holds every answer until released. */
  hold(): Hold {
    this.#hold = createHold(() => {
      this.#hold = undefined;
    });
    return this.#hold;
  }

  /** Holds every body in front of its last part until released. */
  holdBodies(): Hold {
    this.#bodyHold = createHold(() => {
      this.#bodyHold = undefined;
    });
    return this.#bodyHold;
  }

  async get(key: string, known?: ObjectHead): Promise<OriginAnswer> {
    this.asked.push(key);
    this.askedWith.push(known);
    const answer = this.#answer(key, known);
    await this.#hold?.pass(NEVER);
    return answer;
  }

  async getPart(key: string, etag: string, part: Part): Promise<PartAnswer> {
    this.askedParts.push(part);
    const object = this.#objects.get(key);
    await this.#hold?.pass(NEVER);
    if (object?.head.etag !== etag) return { kind: "changed" };
    const bytes = object.bytes.slice(part.first, part.last + 1);
    const where = { ...part, objectBytes: object.bytes.length };
    const body = this.#bodyOf({ ...object, bytes });
    return { kind: "object", head: object.head, body, contentLength: bytes.length, part: where };
  }

  async request(key: string): Promise<OriginRequest> {
    return { url: `${this.name}${encodeURIComponent(key)}`, headers: { signed: "yes" }, deadlineMs: 1 };
  }

  #answer(key: string, known: ObjectHead | undefined): OriginAnswer {
    const answer = this.#once.get(key) ?? this.#answers.get(key);
    this.#once.delete(key);
    if (answer !== undefined) return answer;
    const object = this.#objects.get(key);
    if (object === undefined) return { kind: "missing" };
    const isUnchanged = known?.etag !== undefined && known.etag === object.head.etag;
    if (isUnchanged) return { kind: "unchanged", head: object.head };
    const answered = { kind: "object", head: object.head, body: this.#bodyOf(object) } as const;
    return object.hasLength ? { ...answered, contentLength: object.bytes.length } : answered;
  }

  #bodyOf({ bytes, cutAt }: FakeObject): OriginBody {
    let sent = 0;
    return {
      read: async () => {
        if (sent + CHUNK_BYTES >= bytes.length) await this.#bodyHold?.pass(NEVER);
        if (cutAt !== undefined && sent >= cutAt)
          throw new OriginError({ code: "origin-cut", reason: "Cut" });
        if (sent >= bytes.length) return undefined;
        const chunk = bytes.slice(sent, Math.min(sent + CHUNK_BYTES, cutAt ?? bytes.length));
        sent += chunk.length;
        return chunk;
      },
      cancel: () => {
        this.cancelled++;
      },
    };
  }
}
