/**
 * `bun bench/followers.ts`: how long after S3 has written a piece of a large object it is with those who read behind the fill, and how
 * long one who joins midway waits for the first byte. Beside it nginx with `proxy_cache_lock`, where installed, and as what the
 * measurement itself costs the same clients asking S3 without a proxy. All in turn in each batch. Exits 1 where s3proxy's p99,
 * the median of the batches', is over the goal.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { PROTOCOLS, type Protocol } from "../test/support/client.ts";
import { type RunningProxy, startProxy } from "../test/support/proxy.ts";
import { openClient } from "./arrivals.ts";
import { type PacedOrigin, startPacedOrigin } from "./paced-origin.ts";
import { startNginx } from "./peers.ts";
import { stopAll } from "./processes.ts";
import { quantile } from "./quantile.ts";
import { spreadOf } from "./statistics.ts";

const OURS = "s3proxy";
const GOAL_MS = 10;
const WAITS = ["leaderFirst", "waitingFirst", "midwayFirst", "leaderPieces", "followerPieces"] as const;
const JUDGED = ["midwayFirst", "leaderPieces", "followerPieces"] as const;
/** A video of 6.5 Mbit a second, for 0.8 s. */
const PACE = { pieceBytes: 16 * 1024, pieces: 40, everyMs: 20, firstAfterMs: 150 };
/** Nobody joins sooner or later than so many pieces from the ends. */
const MARGIN_PIECES = 5;
/** Rounds of a batch, by how many follow in each. */
const roundsOf = (followers: number) => Math.max(2, Math.ceil(8 / followers));

/** What is measured: where, and whose name stands in the table. */
interface Target {
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** True where every client has an object of its own, because there is nobody to share one. */
  readonly isAlone: boolean;
}

/** Waits of one batch, in milliseconds. */
interface Waits {
  /** Of who asked before S3 had sent anything: the first byte, from when S3 wrote it. */
  readonly leaderFirst: number[];
  readonly waitingFirst: number[];
  /** Of who asked when there was something: the first byte, from the question. */
  readonly midwayFirst: number[];
  /** Every later piece, whole, from when S3 wrote it. */
  readonly leaderPieces: number[];
  readonly followerPieces: number[];
}

/** One line of the table. */
interface Line {
  readonly target: Target;
  readonly followers: number;
  readonly batches: Waits[];
}

let lastPath = 0;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      followers: { type: "string", multiple: true, default: ["1", "10", "100"] },
      threads: { type: "string", multiple: true, default: ["1", "2"] },
      batches: { type: "string", default: "5" },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), "s3proxy-followers-"));
  const origin = await startPacedOrigin(PACE);
  const proxies: RunningProxy[] = [];
  // Once only: an interrupt makes the measurement fail as well.
  let cleaned: Promise<void> | undefined;
  const cleanUp = () => {
    cleaned ??= Promise.all([stopAll(), ...proxies.map((proxy) => proxy.stop())]).then(() => {
      origin.stop();
      rmSync(folder, { recursive: true, force: true });
    });
    return cleaned;
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => cleanUp().finally(() => process.exit(1)));
  try {
    const s3: Target = { name: "S3 itself", port: origin.port, protocol: "HTTP/1.1", isAlone: true };
    const targets = [s3];
    for (const threads of values.threads) {
      const proxy = await startProxy({ s3: locationOf(origin), threads: Number(threads) });
      proxies.push(proxy);
      const name = `${OURS}, threads ${threads}`;
      for (const protocol of PROTOCOLS) targets.push({ name, port: proxy.port, protocol, isAlone: false });
    }
    if (Bun.which("nginx") !== null) targets.push(await nginxTarget(origin, folder));
    const lines = targets.flatMap((target) =>
      values.followers.map((count): Line => ({ target, followers: Number(count), batches: [] })),
    );
    for (let batch = 0; batch < Number(values.batches); batch++)
      for (const line of lines) line.batches.push(await measureBatch(line, origin));
    return report(lines);
  } finally {
    await cleanUp();
  }
}

function locationOf({ port }: PacedOrigin) {
  const endpoint = `http://127.0.0.1:${port}`;
  return { endpoint, bucket: "bucket", region: "us-east-1", accessKeyId: "bench", secretAccessKey: "bench" };
}

async function nginxTarget(origin: PacedOrigin, folder: string): Promise<Target> {
  const { address } = await startNginx(origin.port, folder);
  return { name: "nginx", port: Number(new URL(address.http1).port), protocol: "HTTP/1.1", isAlone: false };
}

async function measureBatch({ target, followers }: Line, origin: PacedOrigin): Promise<Waits> {
  const waits: Waits = {
    leaderFirst: [],
    waitingFirst: [],
    midwayFirst: [],
    leaderPieces: [],
    followerPieces: [],
  };
  for (let round = 0; round < roundsOf(followers); round++)
    await measureRound(target, origin, followers, round, waits);
  return waits;
}

/** One object that nobody has. Every other follower asks when the leader has, the rest somewhere in the middle. */
async function measureRound(
  target: Target,
  origin: PacedOrigin,
  followers: number,
  round: number,
  waits: Waits,
): Promise<void> {
  const { port, protocol, isAlone } = target;
  const clients = await Promise.all(
    Array.from({ length: 1 + followers }, () => openClient(port, protocol, PACE.pieceBytes, PACE.pieces)),
  );
  const folder = `${target.name.replace(/\W/g, "-")}-${++lastPath}`;
  const pathOf = (client: number) => `${isAlone ? "/bucket" : ""}/${folder}/${isAlone ? client : 0}.mp4`;
  const writtenFor = (client: number) => {
    const sendings = origin.sendings.get(isAlone ? pathOf(client) : `/bucket${pathOf(client)}`) ?? [];
    if (sendings.length !== 1) throw new Error(`S3 was asked ${sendings.length} times for ${pathOf(client)}`);
    return sendings[0]?.writtenMs ?? [];
  };
  try {
    await Promise.all(
      clients.map(async (client, index) => {
        const joinsMidway = index > 0 && (index + round) % 2 === 0;
        if (joinsMidway) await Bun.sleep(midwayMs());
        // The leader's question goes first.
        else if (index > 0) await Bun.sleep(PACE.firstAfterMs / 3);
        const { askedMs, ...arrivals } = await wholeOf(client.ask(pathOf(index)));
        const written = writtenFor(index);
        const [firstWritten = Number.NaN] = written;
        if (index === 0) waits.leaderFirst.push(arrivals.firstMs - firstWritten);
        else if (joinsMidway && !isAlone) waits.midwayFirst.push(arrivals.firstMs - askedMs);
        else waits.waitingFirst.push(arrivals.firstMs - firstWritten);
        const pieces = index === 0 ? waits.leaderPieces : waits.followerPieces;
        for (const [at, pieceMs] of arrivals.pieceMs.entries()) {
          const writtenMs = written[at] ?? Number.NaN;
          if (at > 0 && writtenMs > arrivals.firstMs) pieces.push(pieceMs - writtenMs);
        }
      }),
    );
  } finally {
    for (const client of clients) client.close();
  }
}

/** Anywhere between the pieces that are near neither end. */
function midwayMs(): number {
  const pieces = MARGIN_PIECES + Math.random() * (PACE.pieces - 2 * MARGIN_PIECES);
  return PACE.firstAfterMs + pieces * PACE.everyMs;
}

async function wholeOf(arrivals: ReturnType<Awaited<ReturnType<typeof openClient>>["ask"]>) {
  await arrivals.whole;
  const { askedMs, firstMs, pieceMs } = arrivals;
  return { askedMs, firstMs, pieceMs };
}

function report(lines: readonly Line[]): number {
  say("Milliseconds: p50 / p99 (smallest..largest p99 of a batch), medians of the batches\n");
  say("| | clients | first byte: leader | who waits | who joins midway | later pieces: leader | followers |");
  say("|---|---|---:|---:|---:|---:|---:|");
  let isMissed = false;
  for (const { target, followers, batches } of lines) {
    const cells = WAITS.map((name) => cell(batches.map((waits) => waits[name])));
    say(`| ${[`${target.name}, ${target.protocol}`, `1 + ${followers}`, ...cells].join(" | ")} |`);
    if (!target.name.startsWith(OURS)) continue;
    for (const name of JUDGED)
      isMissed ||= spreadOf(batches.map((waits) => quantile(waits[name], 0.99))).median > GOAL_MS;
  }
  if (isMissed) say(`\nMissed: want a p99 of ${GOAL_MS} ms for who joins midway and for every piece`);
  return isMissed ? 1 : 0;
}

function cell(batches: readonly (readonly number[])[]): string {
  const measured = batches.filter((values) => values.length > 0);
  if (measured.length === 0) return "";
  const [half, most] = [0.5, 0.99].map((share) =>
    spreadOf(measured.map((values) => quantile(values, share))),
  );
  return `${half!.median.toFixed(1)} / ${most!.median.toFixed(1)} (${most!.min.toFixed(0)}..${most!.max.toFixed(0)})`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = await main();
