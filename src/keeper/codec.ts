/** Content codings of whole bodies, by the platform's own codecs, on threads of its pool. */

import { Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import {
  brotliDecompress,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  gunzip,
  zstdDecompress,
} from "node:zlib";
import { sharedBytes } from "../common/shared-bytes.ts";
import type { Coding } from "../http/coding.ts";

/** Bytes given to a codec at once: `signal` is heard between two of these. */
const STEP_BYTES = 64 * 1024;
/** Up to here the slowest levels are used, in bytes: Brotli's takes 0.7 s for so much, and 1.4 s a MiB (bench/findings.md). */
const SLOWEST_MOST_BYTES = 512 * 1024;

/**
 * Encodes a body, as small as its size allows in good time.
 *
 * @throws where the signal comes first
 */
export async function encode(
  body: Uint8Array,
  coding: Exclude<Coding, "identity">,
  signal: AbortSignal,
): Promise<Uint8Array<SharedArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  const collect = async (encoded: AsyncIterable<Uint8Array>) => {
    for await (const chunk of encoded) chunks.push(chunk);
  };
  await pipeline([Readable.from(piecesOf(body)), encoderOf(coding, body.length), collect], { signal });
  return sharedBytes(chunks);
}

/**
 * Decodes a body.
 *
 * @param mostBytes bound of the result
 * @throws where the body isn't in that coding, is cut short, or has more bytes in it
 */
export async function decode(
  body: Uint8Array,
  coding: Exclude<Coding, "identity">,
  mostBytes: number,
): Promise<Uint8Array<SharedArrayBuffer>> {
  const bound = { maxOutputLength: mostBytes };
  if (coding === "br") return sharedBytes([await promisify(brotliDecompress)(body, bound)]);
  if (coding === "gzip") return sharedBytes([await promisify(gunzip)(body, bound)]);
  // The one knows a bound and takes a body that is cut short for a whole one; the other the other way round.
  await promisify(zstdDecompress)(body, bound);
  return sharedBytes([await Bun.zstdDecompress(body)]);
}

function* piecesOf(body: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < body.length; at += STEP_BYTES) yield body.subarray(at, at + STEP_BYTES);
}

function encoderOf(coding: Exclude<Coding, "identity">, bodyBytes: number): Transform {
  const isSmall = bodyBytes <= SLOWEST_MOST_BYTES;
  switch (coding) {
    case "br": {
      const quality = isSmall ? constants.BROTLI_MAX_QUALITY : 9;
      const params = {
        [constants.BROTLI_PARAM_QUALITY]: quality,
        [constants.BROTLI_PARAM_SIZE_HINT]: bodyBytes,
      };
      return createBrotliCompress({ params });
    }
    case "zstd":
      return createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: isSmall ? 19 : 12 } });
    case "gzip":
      return createGzip({ level: constants.Z_BEST_COMPRESSION });
  }
}
