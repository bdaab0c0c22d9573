/**
 * Takes an object's body from S3: into shared memory where it is small, into a file otherwise. What has to be taken before
 * anybody can have any of it is taken here; the rest of a large body is `growth.ts`.
 */

import { sharedBytes } from "../common/shared-bytes.ts";
import { OriginError, type OriginObject } from "../origin/origin.ts";
import type { Draft } from "./draft.ts";
import { SMALL_BODY_BYTES } from "./protocol.ts";

const NO_ROOM = "no room in the cache directory";

/** Where a body is now. */
export type Filled =
  | { readonly kind: "memory"; readonly bytes: Uint8Array<SharedArrayBuffer> }
  /** Whole, in a draft. */
  | { readonly kind: "file"; readonly draft: Draft }
  /** Its first bytes are in a draft, the rest is still to be read. */
  | { readonly kind: "growing"; readonly draft: Draft; readonly bodyBytes: number }
  /** There is no place for it; the transfer has been ended. */
  | { readonly kind: "no-place"; readonly reason: string; readonly error?: unknown };

/** Where a large body may go. */
export interface FillPlace {
  /** Starts a file for a body of that many bytes. Undefined where there is no room, or no disk at all. */
  draft(bodyBytes: number): Promise<Draft | undefined>;
  /** Largest body that is kept, in bytes. */
  readonly mostBytes: number;
}

/**
 * Reads a small body, or one whose length S3 doesn't say, to its end; of any other only the first bytes.
 *
 * @throws OriginError where it ends early, breaks or takes too long; nothing is left behind then
 */
export async function fill(object: OriginObject, place: FillPlace): Promise<Filled> {
  const { body, contentLength } = object;
  const refuse = (reason: string, error?: unknown): Filled => {
    body.cancel();
    return { kind: "no-place", reason, error };
  };
  if ((contentLength ?? 0) > place.mostBytes) return refuse("larger than what is kept");
  const isAnnounced = contentLength !== undefined && contentLength > SMALL_BODY_BYTES;

  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let draft: Draft | undefined;
  try {
    for (let chunk = await body.read(); chunk !== undefined; chunk = await body.read()) {
      bytes += chunk.length;
      if (bytes > place.mostBytes) {
        await draft?.discard();
        return refuse("larger than what is kept");
      }
      if (draft === undefined) {
        chunks.push(chunk);
        if (bytes <= SMALL_BODY_BYTES && !isAnnounced) continue;
        draft = await place.draft(contentLength ?? bytes);
        if (draft === undefined) return refuse(NO_ROOM);
        await draft.write(Buffer.concat(chunks));
        if (isAnnounced) return { kind: "growing", draft, bodyBytes: contentLength };
      } else if (draft.grow(chunk.length)) {
        await draft.write(chunk);
      } else {
        await draft.discard();
        return refuse(NO_ROOM);
      }
    }
  } catch (error) {
    await draft?.discard();
    if (error instanceof OriginError) throw error;
    return refuse((error as Error).message, error);
  }
  return draft === undefined ? { kind: "memory", bytes: sharedBytes(chunks) } : { kind: "file", draft };
}
