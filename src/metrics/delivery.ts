/**
 * The way of visits to one sink: a queue in memory, and a spool on disk for when the sink is down or slow. What is being sent is
 * always the oldest there is; it leaves the queue or the spool when the sink has taken it, and not before.
 */

import { growingWaitMs } from "../common/growing-wait.ts";
import type { Log } from "../log/log.ts";
import { BatchQueue, visitsIn } from "./batch-queue.ts";
import type { LocatedBatch } from "./located-batch.ts";
import { Nap } from "./nap.ts";
import type { SinkState } from "./sink-state.ts";
import type { Sink } from "./sinks/sink.ts";
import type { Place, Spool } from "./spool.ts";

/** A sink that hasn't taken a batch after this long is taken to hang, in milliseconds. */
const SEND_DEADLINE_MS = 15_000;
/** Visits are collected for this long before they are sent, in milliseconds: a batch costs about the same whatever its size. */
const COLLECT_MS = 1000;
/** While a sink fails, visits go to disk after this long, in milliseconds: that much a kill costs. */
const SPILL_AFTER_MS = 1000;
/** So many batches wait in memory, the one that is being sent included; more than that goes to disk. */
const BATCHES_IN_MEMORY = 2;
/** The spool's directory is looked at so often while it isn't this process', in milliseconds: one that is replaced leaves it within seconds. */
const LOOK_AGAIN_MS = 5_000;
/** What was lost is logged at most this often, in milliseconds. */
const LOSS_LOGGED_EVERY_MS = 60_000;

/** What a delivery works with. */
export interface DeliveryParts {
  readonly sink: Sink;
  readonly spool: Spool;
  readonly log: Log;
  readonly nowMs: () => number;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  /** Overrides of the deadlines, in milliseconds. */
  readonly sendDeadlineMs?: number;
  readonly collectMs?: number;
}

/** Batches that are sent together, and their place in the spool where they have come from there. */
interface Sending {
  readonly batches: readonly LocatedBatch[];
  place: Place | undefined;
}

/** Delivers to one sink. Deliveries know nothing of each other. */
export class Delivery {
  readonly #parts: DeliveryParts;
  readonly #nap = new Nap();
  readonly #closing = new AbortController();
  /** The oldest first, those being sent included unless they are in the spool. */
  readonly #waiting = new BatchQueue();
  #waitingSinceMs = 0;
  #sending: Sending | undefined;
  #failures = 0;
  #failingSinceMs: number | undefined;
  #isClosing = false;
  #delivered = 0;
  #lostHere = 0;
  #spillAgainAtMs = Number.NEGATIVE_INFINITY;
  #lossLogged = 0;
  #lossLoggedAtMs = Number.NEGATIVE_INFINITY;
  readonly #ended: Promise<void>;

  /** Begins: asks the sink once whether it can be reached, says so in the log, and then sends what comes. */
  constructor(parts: DeliveryParts) {
    this.#parts = parts;
    this.#ended = this.#run();
  }

  /** How many visits were lost so far. */
  get lost(): number {
    return this.#parts.spool.lost + this.#lostHere;
  }

  /** How it stands. */
  get state(): SinkState {
    const { sink, spool } = this.#parts;
    return {
      sink: sink.name,
      failingSinceMs: this.#failingSinceMs,
      waiting: this.#waiting.visits,
      spooled: spool.visits,
      spoolBytes: spool.bytes,
      delivered: this.#delivered,
      lost: this.lost,
    };
  }

  /** Takes visits. Never throws, and returns before anything is sent. */
  accept(batch: LocatedBatch): void {
    if (this.#isClosing) {
      this.#lostHere += batch.count;
      return;
    }
    if (this.#waiting.isEmpty) this.#waitingSinceMs = this.#parts.nowMs();
    this.#waiting.push(batch);
    if (this.#mustSpill()) this.#spill();
    this.#keepToBound();
    this.#logLoss(false);
    this.#nap.endIf(this.#waiting.visits);
  }

  /**
   * Sends what is in memory, and puts on disk what the sink hasn't taken then. Nothing is accepted any more. A sink that fails
   * isn't waited for, unless the disk doesn't take what it hasn't.
   *
   * @param deadlineMs longest time for the sending
   */
  async close(deadlineMs: number): Promise<void> {
    const { sink, spool, log } = this.#parts;
    this.#isClosing = true;
    const timer = setTimeout(() => this.#closing.abort(), deadlineMs);
    if (this.#failures > 0) {
      this.#spill();
      if (this.#waiting.isEmpty) this.#closing.abort();
    }
    this.#nap.end();
    await this.#ended;
    clearTimeout(timer);
    this.#spill();
    this.#lostHere += this.#waiting.remove(this.#waiting.length);
    spool.close();
    await sink.close();
    this.#logLoss(true);
    if (spool.visits > 0) log.info("Visits wait in the spool", { sink: sink.name, visits: spool.visits });
  }

  async #run(): Promise<void> {
    await this.#try();
    for (;;) {
      const next = await this.#next();
      if (next === undefined) return;
      this.#sending = next;
      const reason = await this.#send(next.batches);
      if (reason === undefined) this.#taken(next);
      this.#sending = undefined;
      if (reason === undefined) continue;
      this.#failed(reason);
      if (this.#isClosing) return;
      this.#spill();
      await this.#nap.take(growingWaitMs(this.#failures, this.#parts.random()), Number.POSITIVE_INFINITY);
    }
  }

  async #try(): Promise<void> {
    const { sink, spool, log } = this.#parts;
    const reason = await this.#send([]);
    if (reason === undefined) {
      log.info("Visits are stored", { sink: sink.name, spooled: spool.visits || undefined });
      return;
    }
    this.#failed(reason);
  }

  /** Waits for what is to be sent. Undefined when the sending is over. */
  async #next(): Promise<Sending | undefined> {
    const { sink, spool, collectMs = COLLECT_MS } = this.#parts;
    for (;;) {
      if (this.#closing.signal.aborted) return undefined;
      const spooled = spool.first(sink.batchMost);
      // At the end the queue may go to the sink, but not ahead of what waits in the spool.
      if (this.#isClosing && (spooled !== undefined || this.#failures > 0)) return undefined;
      if (spooled !== undefined) return spooled;
      if (this.#isClosing && this.#waiting.isEmpty) return undefined;
      const lookAgainMs = spool.isOwn ? Number.POSITIVE_INFINITY : LOOK_AGAIN_MS;
      if (this.#waiting.isEmpty) await this.#nap.take(lookAgainMs, 1);
      else if (this.#waiting.visits >= sink.batchMost || this.#isClosing) return this.#fromMemory();
      else {
        await this.#nap.take(collectMs, sink.batchMost);
        if (!this.#waiting.isEmpty) return this.#fromMemory();
      }
    }
  }

  #fromMemory(): Sending {
    return { batches: this.#waiting.oldestOf(this.#parts.sink.batchMost), place: undefined };
  }

  /** Returns why the sink hasn't taken them, undefined where it has. */
  async #send(batches: readonly LocatedBatch[]): Promise<string | undefined> {
    const { sink, sendDeadlineMs = SEND_DEADLINE_MS } = this.#parts;
    const hangs = new AbortController();
    const timer = setTimeout(() => hangs.abort(), sendDeadlineMs);
    try {
      const visits = batches.flatMap((batch) => batch.visits());
      await sink.send(visits, AbortSignal.any([hangs.signal, this.#closing.signal]));
      return undefined;
    } catch (error) {
      return hangs.signal.aborted ? `No answer within ${sendDeadlineMs} ms` : (error as Error).message;
    } finally {
      clearTimeout(timer);
    }
  }

  #taken({ batches, place }: Sending): void {
    const { sink, spool, log } = this.#parts;
    this.#delivered += visitsIn(batches);
    if (place === undefined) this.#waiting.remove(batches.length);
    else spool.done(place);
    if (this.#failures > 0) log.info("Visits are stored again", { sink: sink.name });
    this.#failures = 0;
    this.#failingSinceMs = undefined;
  }

  #failed(reason: string): void {
    const { sink, log, nowMs } = this.#parts;
    this.#failingSinceMs ??= nowMs();
    if (this.#failures === 0) log.warn("Visits can't be stored and wait", { sink: sink.name, reason });
    this.#failures++;
  }

  #mustSpill(): boolean {
    const nowMs = this.#parts.nowMs();
    if (nowMs < this.#spillAgainAtMs) return false;
    if (this.#waiting.visits >= this.#waitingMost) return true;
    return this.#failures > 0 && nowMs - this.#waitingSinceMs >= SPILL_AFTER_MS;
  }

  get #waitingMost(): number {
    return BATCHES_IN_MEMORY * this.#parts.sink.batchMost;
  }

  /** How many batches of the queue, from its beginning, are being sent. */
  get #underWay(): number {
    return this.#sending?.place === undefined ? (this.#sending?.batches.length ?? 0) : 0;
  }

  /** Moves the queue to the spool. What is being sent goes first and together, so that it can be ticked off there. */
  #spill(): void {
    const { spool, nowMs } = this.#parts;
    while (!this.#waiting.isEmpty) {
      const underWay = this.#underWay;
      const batches = this.#waiting.oldest(Math.max(1, underWay));
      const place = spool.append(batches);
      if (place === undefined) {
        this.#spillAgainAtMs = nowMs() + SPILL_AFTER_MS;
        return;
      }
      this.#waiting.remove(batches.length);
      if (underWay > 0 && this.#sending !== undefined) this.#sending.place = place;
    }
  }

  /** Without room on disk, the oldest go; what is being sent isn't in question. */
  #keepToBound(): void {
    const waiting = this.#waiting;
    while (waiting.visits > this.#waitingMost && waiting.length > this.#underWay)
      this.#lostHere += waiting.remove(1, this.#underWay);
  }

  #logLoss(isLast: boolean): void {
    const { sink, log, nowMs } = this.#parts;
    const lost = this.lost - this.#lossLogged;
    if (lost === 0 || (!isLast && nowMs() - this.#lossLoggedAtMs < LOSS_LOGGED_EVERY_MS)) return;
    this.#lossLogged = this.lost;
    this.#lossLoggedAtMs = nowMs();
    log.warn("Visits were lost, the oldest first", { sink: sink.name, lost });
  }
}
