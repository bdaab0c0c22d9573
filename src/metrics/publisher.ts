/** From batches of visits to where they are stored: located, anonymised, in the order they came. */

import type { Log } from "../log/log.ts";
import { anonymized } from "./anonymize.ts";
import type { VisitBatch } from "./batch.ts";
import type { Locator } from "./geo/locator.ts";
import type { Location } from "./geo/source.ts";
import { LocatedBatch } from "./located-batch.ts";
import type { SinkState } from "./sink-state.ts";
import type { VisitSummary, VisitTally } from "./visit-tally.ts";

/** A batch waits for the places of its addresses for so long, in milliseconds; then it goes without those that are missing. */
const LOCATING_MS = 1_000;

/** Where visits go: a `Delivery`, or a memory of the last ones. */
export interface Destination {
  /** How it stands; absent where it isn't a sink's. */
  readonly state?: SinkState;
  /** Takes visits. Never throws, and returns before anything is sent. */
  accept(batch: LocatedBatch): void;
  /** Ends, with what can be stored within `deadlineMs` stored. */
  close(deadlineMs: number): Promise<void>;
}

/** What a publisher works with. */
export interface PublisherParts {
  /** Absent where visits aren't located. */
  readonly locator: Locator | undefined;
  readonly destinations: readonly Destination[];
  /** One of them, or absent where nobody looks. */
  readonly tally?: VisitTally | undefined;
  readonly isAnonymous: boolean;
  readonly log: Log;
  /** Overrides how long a batch waits for its places, in milliseconds. */
  readonly locatingMs?: number;
}

/** Publishes visits. */
export class Publisher {
  readonly #parts: PublisherParts;
  /** The batches before are handed over when it resolves. */
  #before: Promise<void> = Promise.resolve();

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /**
   * Takes a batch. Never rejects.
   *
   * @param id unlike any other batch's anywhere
   * @returns resolves when every destination has it
   */
  take(batch: VisitBatch, id: string): Promise<void> {
    this.#before = this.#publish(batch, id, this.#before).catch((error: Error) => {
      this.#parts.log.critical("Visits could not be published", { reason: error.message });
    });
    return this.#before;
  }

  /** How the sinks stand. */
  get sinks(): SinkState[] {
    return this.#parts.destinations.flatMap(({ state }) => state ?? []);
  }

  /** What the visits of the last hour were; undefined where nobody looks. */
  get summary(): VisitSummary | undefined {
    return this.#parts.tally?.summary();
  }

  /** Ends, with what can be stored within `deadlineMs` stored. */
  async close(deadlineMs: number): Promise<void> {
    await this.#before;
    await Promise.all(this.#parts.destinations.map((destination) => destination.close(deadlineMs)));
    this.#parts.locator?.close();
  }

  async #publish(batch: VisitBatch, id: string, before: Promise<void>): Promise<void> {
    const { isAnonymous, destinations } = this.#parts;
    // The batches wait for their places side by side, and for each other afterwards.
    const locations = await this.#locationsOf(batch.addresses);
    await before;
    const addresses = isAnonymous ? batch.addresses.map(anonymized) : batch.addresses;
    const located = new LocatedBatch({ ...batch, addresses }, id, locations);
    for (const destination of destinations) destination.accept(located);
  }

  /** In the order of the addresses. */
  async #locationsOf(addresses: readonly string[]): Promise<readonly (Location | undefined)[]> {
    const { locator, locatingMs = LOCATING_MS } = this.#parts;
    const locations: (Location | undefined)[] = addresses.map(() => undefined);
    if (locator === undefined) return locations;
    const asked: Promise<void>[] = [];
    for (const [index, address] of addresses.entries()) {
      const enter = (location: Location | undefined) => {
        locations[index] = location;
      };
      const located = locator.locate(address);
      if (located instanceof Promise) asked.push(located.then(enter));
      else enter(located);
    }
    if (asked.length === 0) return locations;
    const { promise: deadline, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, locatingMs);
    await Promise.race([Promise.all(asked), deadline]);
    clearTimeout(timer);
    // A copy: what comes too late must not change what has been handed over.
    return [...locations];
  }
}
