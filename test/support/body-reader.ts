/** Takes an HTTP/1.1 answer apart as it comes, without holding its body. */

/** What is told of an answer. */
export interface BodyListener {
  begin(head: { status: number; headers: Record<string, string> }): void;
  add(piece: Uint8Array): void;
}

/** Reads the one answer of a connection. */
export interface BodyReader {
  /** Takes what has come next. */
  add(piece: Buffer): void;
  /**
   * True where the body has come to the end that its framing announces (RFC 9112 section 6.3), and nothing after it. Also
   * without any framing: a client takes what came until the connection was closed for all of it (section 8).
   */
  isComplete(): boolean;
  /** What came behind the end. */
  surplus(): Buffer;
}

/** Makes a reader; `isHead` where the question was a HEAD. */
export function createBodyReader(isHead: boolean, listener: BodyListener): BodyReader {
  /** What came and can't be understood yet: a part of the head, or of a chunk's line. */
  let unread: Buffer = Buffer.alloc(0);
  let state: "head" | "length" | "chunkLine" | "chunk" | "chunkEnd" | "lastEnd" | "done" = "head";
  /** Bytes of the body or of the chunk that are to come. */
  let left = 0;
  let isUnframed = false;

  function line(end: string): string | undefined {
    const at = unread.indexOf(end);
    if (at < 0) return undefined;
    const text = unread.toString("latin1", 0, at);
    unread = unread.subarray(at + end.length);
    return text;
  }

  function readHead(): boolean {
    const text = line("\r\n\r\n");
    if (text === undefined) return false;
    const [first = "", ...lines] = text.split("\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1]);
    const headers = headersOf(
      lines.map((each) => [each.slice(0, each.indexOf(":")), each.slice(each.indexOf(":") + 1).trim()]),
    );
    listener.begin({ status, headers });
    const isChunked = headers["transfer-encoding"] === "chunked";
    const hasNoBody = isHead || status === 204 || status === 304;
    left = isChunked ? 0 : Number(headers["content-length"] ?? Number.POSITIVE_INFINITY);
    isUnframed = left === Number.POSITIVE_INFINITY && !hasNoBody;
    if (hasNoBody) state = "done";
    else state = isChunked ? "chunkLine" : "length";
    return true;
  }

  function readBytes(): boolean {
    const piece = unread.subarray(0, left);
    unread = unread.subarray(piece.length);
    left -= piece.length;
    if (piece.length > 0) listener.add(piece);
    if (left > 0) return false;
    state = state === "chunk" ? "chunkEnd" : "done";
    return true;
  }

  function readChunkLine(): boolean {
    const text = line("\r\n");
    if (text === undefined) return false;
    left = Number.parseInt(text, 16);
    if (Number.isNaN(left)) throw new Error(`Not a chunk's length: ${JSON.stringify(text)}`);
    state = left === 0 ? "lastEnd" : "chunk";
    return true;
  }

  function readChunkEnd(): boolean {
    if (line("\r\n") === undefined) return false;
    state = state === "lastEnd" ? "done" : "chunkLine";
    return true;
  }

  const steps = {
    head: readHead,
    length: readBytes,
    chunkLine: readChunkLine,
    chunk: readBytes,
    chunkEnd: readChunkEnd,
    lastEnd: readChunkEnd,
    done: () => false,
  };
  return {
    add(piece) {
      unread = unread.length === 0 ? piece : Buffer.concat([unread, piece]);
      while (steps[state]());
    },
    isComplete: () => isUnframed || (state === "done" && unread.length === 0),
    surplus: () => (state === "done" ? unread : Buffer.alloc(0)),
  };
}

/** Headers by lower-case name; several of one name are joined with ", ". */
export function headersOf(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of pairs) {
    const lower = name.toLowerCase();
    const before = headers[lower];
    headers[lower] = before === undefined ? value : `${before}, ${value}`;
  }
  return headers;
}
