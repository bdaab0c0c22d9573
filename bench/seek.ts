/**
 * `bun bench/seek.ts --mib 1024 --threads 4`: a player that seeks in a large object that isn't cached. Says how long each seek
 * waits for its first byte, and how much S3 has sent in all. Every byte is compared. Exits 1 where S3 sent more than 1.1
 * times the object.
 */

import { parseArgs } from "node:util";
import { patternBody } from "../test/support/made-body.ts";
import { type MemoryS3, startMemoryS3 } from "../test/support/memory-s3.ts";
import { type Played, play } from "../test/support/player.ts";
import { startProxy } from "../test/support/proxy.ts";

const MIB = 1 << 20;
const KEY = "video.mp4";
const MOST_SENT = 1.1;

/** Where the player goes, as a share of the object, and how much it watches there. */
const SEEKS = [
  { place: 0, bytes: MIB },
  { place: 0.5, bytes: 20 * MIB },
  { place: 0.9999, bytes: 16 * 1024 },
  { place: 0.3, bytes: 5 * MIB },
  { place: 0.75, bytes: 5 * MIB },
] as const;

const milliseconds = (since: number) => (performance.now() - since).toFixed(1);

function sentShare(s3: MemoryS3, bytes: number): number {
  return s3.requests.reduce((sum, request) => sum + request.bodyBytesSent, 0) / bytes;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      mib: { type: "string", default: "1024" },
      threads: { type: "string", default: "4" },
      /** S3's bytes a second; as fast as it can by default. */
      "mib-per-second": { type: "string" },
    },
  });
  const body = patternBody(Number(values.mib) * MIB, 1);
  const s3 = await startMemoryS3();
  const proxy = await startProxy({ s3, threads: Number(values.threads) });
  try {
    s3.put(KEY, body);
    if (values["mib-per-second"] !== undefined) s3.drip(KEY, Number(values["mib-per-second"]) * MIB);
    const path = `/${KEY}`;
    let playing: Played | undefined;
    for (const { place, bytes } of SEEKS) {
      const range = `bytes=${Math.floor(body.length * place)}-`;
      playing?.leave();
      const startedMs = performance.now();
      playing = await play(proxy.port, { path, body, range });
      await playing.take(1);
      const first = milliseconds(startedMs);
      await playing.take(bytes);
      const sent = sentShare(s3, body.length).toFixed(3);
      console.log(
        `${range}: ${first} ms to the first byte, ${bytes} bytes taken, S3 has sent ${sent} of the object`,
      );
    }
    playing?.leave();
    const startedMs = performance.now();
    const taken = await (await play(proxy.port, { path, body })).takeAll();
    const sent = sentShare(s3, body.length);
    console.log(
      `whole: ${taken} bytes in ${milliseconds(startedMs)} ms, S3 has sent ${sent.toFixed(3)} of the object`,
    );
    return sent <= MOST_SENT ? 0 : 1;
  } finally {
    await proxy.stop();
    await s3.stop();
  }
}

process.exit(await main());
