/** The places of addresses: asked for once a day, and never at the cost of the visits. */

import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { BoundedMap } from "../../common/bounded-map.ts";
import { growingWaitMs } from "../../common/growing-wait.ts";
import type { Log } from "../../log/log.ts";
import type { GeoSource, Location } from "./source.ts";

/** What is known of an address is used for so long, in milliseconds. */
const KNOWN_FOR_MS = 24 * 60 * 60 * 1000;
/** Addresses whose place is remembered; one takes about half a KB. */
const KNOWN_ADDRESSES = 50_000;

/** What a locator works with. */
export interface LocatorParts {
  readonly source: GeoSource;
  readonly log: Log;
  readonly nowMs: () => number;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
}

/** Finds places. */
export class Locator {
  readonly #parts: LocatorParts;
  readonly #known = new BoundedMap<
    string,
    { readonly location: Location | undefined; readonly untilMs: number }
  >(KNOWN_ADDRESSES);
  readonly #asked = new Map<string, Promise<Location | undefined>>();
  #failures = 0;
  #tryAgainAtMs = 0;

  constructor(parts: LocatorParts) {
    this.#parts = parts;
  }

  /**
   * The place of an address; undefined where it isn't known, is private, or the source fails. After a failure the source is
   * left alone for a growing while. Never rejects.
   */
  locate(address: string): Location | undefined | Promise<Location | undefined> {
    const nowMs = this.#parts.nowMs();
    const known = this.#known.get(address);
    if (known !== undefined && nowMs < known.untilMs) return known.location;
    const asked = this.#asked.get(address);
    if (asked !== undefined) return asked;
    if (nowMs < this.#tryAgainAtMs || !isPublic(address)) return undefined;
    const asking = this.#ask(address).finally(() => this.#asked.delete(address));
    this.#asked.set(address, asking);
    return asking;
  }

  /** Ends the source. */
  close(): void {
    this.#parts.source.close();
  }

  async #ask(address: string): Promise<Location | undefined> {
    const { source, log, nowMs } = this.#parts;
    try {
      const location = await source.lookup(address);
      this.#known.set(address, { location, untilMs: nowMs() + KNOWN_FOR_MS });
      if (this.#failures > 0) log.info("Visits are located again");
      this.#failures = 0;
      return location;
    } catch (error) {
      this.#failed((error as Error).message);
      return undefined;
    }
  }

  #failed(reason: string): void {
    const { log, nowMs, random } = this.#parts;
    // Those that were under way together fail together.
    if (nowMs() < this.#tryAgainAtMs) return;
    if (this.#failures === 0) log.warn("Visits can't be located", { reason });
    this.#failures++;
    this.#tryAgainAtMs = nowMs() + growingWaitMs(this.#failures, random());
  }
}

/** True for an address of the Internet at large. */
function isPublic(address: string): boolean {
  return isIP(address) !== 0 && ipaddr.parse(address).range() === "unicast";
}
