/** What the record of a visit needs and a `Response` doesn't tell: how many bytes of its body were handed over. */

/** A body that is handed over piece by piece. */
export class Handover {
  #bytes = 0;
  #isOver = false;
  #tell: ((bytes: number) => void) | undefined;

  /** So many more bytes were handed over. */
  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** There won't be more, whether all were handed over or not. Only the first time counts. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tell?.(this.#bytes);
  }

  /** Calls back once, with the bytes that were handed over: when it is over, or now where it is. */
  whenOver(tell: (bytes: number) => void): void {
    if (this.#isOver) tell(this.#bytes);
    else this.#tell = tell;
  }
}

/** A body as a stream, and who counts what of it was handed over. */
export interface CountedStream {
  readonly stream: ReadableStream<Uint8Array>;
  readonly handover: Handover;
}

const BODY = Symbol("body");

/** The note is a property: a map beside would cost three times as much (bench/findings.md). */
interface Noted {
  [BODY]?: number | Handover;
}

/** An answer with a body; that of a counted one is noted. */
export function responseOf(
  body: Uint8Array<SharedArrayBuffer> | Blob | CountedStream,
  init: ResponseInit,
): Response {
  if (!("handover" in body)) return new Response(body, init);
  return noteBody(new Response(body.stream, init), body.handover);
}

/**
 * Notes the body of an answer, where nobody counts it.
 *
 * @param body its length in bytes, that of the whole object for a part of one; or who counts it
 * @returns the answer
 */
export function noteBody(response: Response, body: number | Handover): Response {
  (response as Noted)[BODY] ??= body;
  return response;
}

/**
 * The bytes of an answer's body, or who counts them.
 *
 * @param status the answer's, which costs to ask for twice
 * @param objectBytes length of the object that it was made from, for where nothing is noted
 */
export function bodyOf(
  response: Response,
  status: number,
  method: string,
  objectBytes = 0,
): number | Handover {
  if (method === "HEAD") return 0;
  const body = (response as Noted)[BODY] ?? objectBytes;
  if (status !== 206 || typeof body !== "number") return body;
  const [, first, last] = /^bytes (\d+)-(\d+)/.exec(response.headers.get("content-range") ?? "") ?? [];
  return first === undefined ? body : Number(last) - Number(first) + 1;
}
