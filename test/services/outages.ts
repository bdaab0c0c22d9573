/** A sink's server that is killed and frozen in mid-load, and what must have come to it in the end. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "../../src/log/log.ts";
import { Delivery } from "../../src/metrics/delivery.ts";
import type { Sink } from "../../src/metrics/sinks/sink.ts";
import { Spool } from "../../src/metrics/spool.ts";
import { batchOf, visitOf, visitsOf } from "../support/visits.ts";
import type { Program } from "./program.ts";

/** Visits that come together, as a ring hands them over. */
const VISITS_AT_ONCE = 500;
/** A frozen server is given up after this long, in milliseconds. */
const SEND_DEADLINE_MS = 3000;

/** What an outage needs to know of a server. */
export interface OutageParts {
  readonly program: Program;
  readonly sink: () => Sink;
  /** True where a visit has come; what was given before it has come before it. */
  readonly isStored: (id: string, resource: string) => Promise<boolean>;
}

/**
 * Delivers so many visits while the server is killed in mid-load, started, frozen, killed again, and the delivery itself is
 * closed and started anew.
 *
 * @returns how many it says it lost, when the last one is stored
 */
export async function deliverThroughOutages(parts: OutageParts, total: number): Promise<{ lost: number }> {
  const directory = mkdtempSync(join(tmpdir(), "s3proxy-outages-"));
  const log = createLog("info", () => {}, Date.now);
  const open = () => {
    const spool = new Spool(join(directory, "spool"), 256 * 1024 * 1024, (error) => console.error(error));
    const settings = {
      log,
      nowMs: Date.now,
      random: () => 0,
      sendDeadlineMs: SEND_DEADLINE_MS,
      collectMs: 50,
    };
    return new Delivery({ sink: parts.sink(), spool, ...settings });
  };
  const isStored = (number: number) => {
    const at = number % VISITS_AT_ONCE;
    return parts.isStored(`${number - at}-${at}`, visitOf(number).resource);
  };
  let given = 0;
  const give = async (delivery: Delivery, count: number) => {
    for (const end = given + count; given < end; given += VISITS_AT_ONCE) {
      delivery.accept(batchOf(visitsOf(VISITS_AT_ONCE, given), { id: String(given) }));
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  try {
    const first = open();
    await give(first, total / 4);
    await until(() => isStored(0));
    await parts.program.kill();
    await give(first, total / 4);
    await first.close(SEND_DEADLINE_MS);
    const second = open();
    await parts.program.start();
    await give(second, total / 4);
    await until(() => isStored(total / 2));
    parts.program.freeze();
    await give(second, total / 4);
    await parts.program.kill();
    await parts.program.start();
    await until(() => isStored(total - 1));
    await second.close(SEND_DEADLINE_MS);
    return { lost: first.lost + second.lost };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Waits until it is so; the test's own deadline ends it. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo().catch(() => false))) await Bun.sleep(20);
}
