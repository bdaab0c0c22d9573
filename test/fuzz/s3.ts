/** S3 as `fetch` meets it: every answer, and every run of a body's bytes, waits for its turn and may fail. */

import type { Bucket, State } from "./bucket.ts";
import { type Faults, WRONG_304 } from "./faults.ts";
import type { Gates } from "./gates.ts";

/** Where it is reached; nothing is listening there. */
export const S3_ADDRESS = { origin: "https://s3.fuzz", host: "s3.fuzz", basePath: "/" };

/** So many bytes of a body come at once, in turn. */
const CHUNKS = [20_000, 300_000, 700_000, 90_000];

/** What S3 is made of. */
export interface S3Parts {
  readonly bucket: Bucket;
  readonly gates: Gates;
  readonly faults: Faults;
  readonly nowMs: () => number;
  readonly ignoresIfMatch: boolean;
}

/** Answers requests to S3. */
export class S3 {
  readonly #parts: S3Parts;
  #bodies = 0;

  constructor(parts: S3Parts) {
    this.#parts = parts;
  }

  /** As the global of that name. */
  async fetch(url: string, { headers, signal }: RequestInit): Promise<Response> {
    const { bucket, gates, faults, nowMs } = this.#parts;
    const path = decodeURIComponent(new URL(url).pathname.slice(1));
    const asked = new Headers(headers);
    const gone = signal as AbortSignal;
    const state = bucket.at(path);
    // The question whether S3 tells missing keys from forbidden ones.
    if (state === undefined) return refusal(404, "NoSuchKey");
    const telling = bucket.ask(state);
    const isReleased = await gates.pass("answer", `${path} ${asked.get("range") ?? ""}`, gone);
    if (!isReleased) throw new DOMException("Left", "AbortError");
    const fault = faults.take("answer");
    if (fault === "refused connection") throw new TypeError(fault);
    if (fault === WRONG_304 && asked.has("if-none-match"))
      return new Response(null, { status: 304, headers: { etag: '"another"' } });
    if (fault !== undefined) return refusal(STATUSES[fault] ?? 500, fault);
    telling.toldAtMs = nowMs();
    return this.#answer(state, asked, gone);
  }

  #answer(state: State, asked: Headers, gone: AbortSignal): Response {
    const { kind, bytes, etag, plan } = state;
    if (kind === "missing") return refusal(404, "NoSuchKey");
    if (kind === "denied") return refusal(403, "AccessDenied");
    const headers = headersOf(state);
    const match = this.#parts.ignoresIfMatch ? null : asked.get("if-match");
    if (match !== null && (match !== etag || match.startsWith("W/")))
      return refusal(412, "PreconditionFailed");
    const noneMatch = asked.get("if-none-match");
    const since = noneMatch === null ? asked.get("if-modified-since") : null;
    if ((noneMatch !== null && noneMatch === etag) || since === state.lastModified)
      return new Response(null, { status: 304, headers });
    const range = asked.get("range");
    if (range === null) {
      if (plan.hasLength) headers.set("content-length", String(bytes.length));
      return new Response(this.#stream(bytes, plan.path, plan.hasLength, gone), { headers });
    }
    const part = partOf(range, bytes.length);
    if (part === undefined)
      return refusal(416, "InvalidRange", `<ActualObjectSize>${bytes.length}</ActualObjectSize>`);
    const { first, last } = part;
    headers.set("content-range", `bytes ${first}-${last}/${bytes.length}`);
    const body = this.#stream(bytes.subarray(first, last + 1), `${plan.path} ${range}`, true, gone);
    return new Response(body, { status: 206, headers });
  }

  #stream(bytes: Uint8Array, name: string, isSized: boolean, gone: AbortSignal): ReadableStream<Uint8Array> {
    const { gates, faults } = this.#parts;
    let sent = 0;
    return new ReadableStream<Uint8Array>(
      {
        start(controller) {
          gone.addEventListener("abort", () => controller.error(new DOMException("Left", "AbortError")));
        },
        pull: async (controller) => {
          if (sent === bytes.length) return controller.close();
          if (!(await gates.pass("chunk", `${name} at ${sent}`, gone))) return;
          const fault = faults.take("chunk");
          // Without a length only a broken connection tells a short body from a whole one.
          if (fault === "short" && isSized) return controller.close();
          if (fault !== undefined) return controller.error(new TypeError(fault));
          const chunk = bytes.slice(sent, sent + (CHUNKS[this.#bodies++ % CHUNKS.length] ?? 1));
          sent += chunk.length;
          controller.enqueue(chunk);
        },
      },
      { highWaterMark: 0 },
    );
  }
}

const STATUSES: Readonly<Record<string, number>> = {
  InternalError: 500,
  SlowDown: 503,
  InvalidAccessKeyId: 403,
  InvalidObjectState: 403,
};

function headersOf({ etag, lastModified, contentType, cacheControl }: State): Headers {
  const headers = new Headers({ "last-modified": lastModified, "content-type": contentType });
  if (etag !== undefined) headers.set("etag", etag);
  if (cacheControl !== undefined) headers.set("cache-control", cacheControl);
  return headers;
}

function refusal(status: number, code: string, more = ""): Response {
  return new Response(`<Error><Code>${code}</Code>${more}</Error>`, { status });
}

function partOf(range: string, length: number): { first: number; last: number } | undefined {
  const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? [];
  const first = from === "" ? Math.max(0, length - Number(to)) : Number(from);
  const last = from === "" || to === "" ? length - 1 : Math.min(Number(to), length - 1);
  return first > last ? undefined : { first, last };
}
