/**
 * What content codings cost at each level, in time and in what is left of a page; and how late the event loop is meanwhile.
 * Bodies are encoded as src/keeper/codec.ts does it. Prints a table.
 *
 *     node_modules/.bin/bun bench/codings.ts [--quick]
 */

import { Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { constants, createBrotliCompress, createGzip, createZstdCompress } from "node:zlib";
import { spreadOf } from "./statistics.ts";
import { textOf } from "./text.ts";

const KIB = 1024;
const SIZES = [100 * KIB, 512 * KIB, 1024 * KIB, 10 * 1024 * KIB];
/** A slow level is measured on bodies up to here alone in a quick run, in bytes. */
const QUICK_MOST_BYTES = 1024 * KIB;
const STEP_BYTES = 64 * KIB;
const ROUNDS = 3;
/** How often the event loop is looked at, in milliseconds. */
const TICK_MS = 2;

const LEVELS: readonly (readonly [string, (bodyBytes: number) => Transform])[] = [
  ...[11, 10, 9, 5].map((level) => [`br ${level}`, (bytes: number) => brotli(level, bytes)] as const),
  ...[19, 15, 12, 9, 3].map((level) => [`zstd ${level}`, () => zstd(level)] as const),
  ...[9, 6].map((level) => [`gzip ${level}`, () => createGzip({ level })] as const),
];

function brotli(level: number, bodyBytes: number): Transform {
  const params = { [constants.BROTLI_PARAM_QUALITY]: level, [constants.BROTLI_PARAM_SIZE_HINT]: bodyBytes };
  return createBrotliCompress({ params });
}

function zstd(level: number): Transform {
  return createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: level } });
}

interface Encoded {
  readonly ms: number;
  readonly bytes: number;
  /** The longest time between two looks at the event loop, beyond what was asked for. */
  readonly lagMs: number;
}

async function measure(body: Buffer, encoder: Transform): Promise<Encoded> {
  let lagMs = 0;
  let lookedAtMs = performance.now();
  const look = setInterval(() => {
    const nowMs = performance.now();
    lagMs = Math.max(lagMs, nowMs - lookedAtMs - TICK_MS);
    lookedAtMs = nowMs;
  }, TICK_MS);
  const startedMs = performance.now();
  let bytes = 0;
  await pipeline([Readable.from(piecesOf(body)), encoder, count]);
  async function count(encoded: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of encoded) bytes += chunk.length;
  }
  const ms = performance.now() - startedMs;
  clearInterval(look);
  return { ms, bytes, lagMs };
}

function* piecesOf(body: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < body.length; at += STEP_BYTES) yield body.subarray(at, at + STEP_BYTES);
}

const { quick } = parseArgs({ options: { quick: { type: "boolean", default: false } } }).values;
console.log("| level | KiB | ms | ms a MiB | left | event loop late, ms |\n|---|---|---|---|---|---|");
for (const size of SIZES.filter((each) => !quick || each <= QUICK_MOST_BYTES)) {
  const body = textOf(size);
  for (const [name, encoderOf] of LEVELS) {
    const rounds: Encoded[] = [];
    for (let round = 0; round < (size > QUICK_MOST_BYTES ? 1 : ROUNDS); round++)
      rounds.push(await measure(body, encoderOf(size)));
    const ms = spreadOf(rounds.map((each) => each.ms)).median;
    const lagMs = Math.max(...rounds.map((each) => each.lagMs));
    const left = (100 * (rounds[0]?.bytes ?? 0)) / size;
    const perMib = (ms * 1024 * KIB) / size;
    console.log(
      `| ${name} | ${size / KIB} | ${ms.toFixed(0)} | ${perMib.toFixed(0)} | ${left.toFixed(1)} % | ${lagMs.toFixed(1)} |`,
    );
  }
}
