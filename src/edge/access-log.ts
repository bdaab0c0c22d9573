/** The access log of one edge: what was answered is collected, and the lines of it are made and handed on together. */

import { BoundedMap } from "../common/bounded-map.ts";
import { type Access, type AccessLogForm, accessLineOf } from "../log/access-line.ts";
import { anonymized } from "../metrics/anonymize.ts";
import type { Observer } from "./exchange.ts";

/** Lines are handed on after this long, in milliseconds. */
const HANDED_ON_AFTER_MS = 250;
/**
 * And when there are so many: made one after the other a line costs half of what it does between two answers (bench/findings.md), and
 * so many take a tenth of a millisecond.
 */
const HANDED_ON_LINES = 256;
const NS_PER_MS = 1_000_000;
/** Addresses whose anonymous form is remembered. */
const REMEMBERED = 1_000;

/** What it works with. */
export interface AccessLogParts {
  readonly form: AccessLogForm;
  /** True to log addresses without their last part. */
  readonly isAnonymous: boolean;
  /** Takes lines, without the last newline. Must not throw. */
  readonly writeAccess: (lines: string) => void;
  /** The edge's clock, in nanoseconds; it never goes back. */
  readonly nowNs: () => number;
  /** The time of day, milliseconds since the epoch. */
  readonly nowMs: () => number;
}

/** What a line is made of, and when the answer was over, by the edge's clock. */
interface Ended extends Access {
  readonly endedNs: number;
}

/** Logs every request, those to the proxy's own endpoints too. */
export interface AccessLog extends Observer {
  /** Hands on what there is. */
  flush(): void;
}

/** Makes the access log of an edge. */
export function createAccessLog({ form, isAnonymous, writeAccess, nowNs, nowMs }: AccessLogParts): AccessLog {
  const lineOf = accessLineOf(form);
  const clientOf = isAnonymous ? rememberedAnonymous() : (address: string) => address;
  let waiting: Ended[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.length === 0) return;
    const clockStartedMs = nowMs() - nowNs() / NS_PER_MS;
    const lines = waiting.map((ended) =>
      lineOf(ended, Math.round(clockStartedMs + ended.endedNs / NS_PER_MS)),
    );
    waiting = [];
    writeAccess(lines.join("\n"));
  };
  return {
    see({
      request: { headers },
      ipAddress,
      method,
      resource,
      status,
      sizeBytes,
      startedNs,
      timeNs,
      cacheStatus,
    }) {
      waiting.push({
        client: clientOf(ipAddress),
        method,
        resource,
        status,
        sizeBytes,
        timeNs,
        cacheStatus,
        referer: headers.get("referer"),
        userAgent: headers.get("user-agent"),
        endedNs: startedNs + timeNs,
      });
      if (waiting.length >= HANDED_ON_LINES) flush();
      else timer ??= setTimeout(flush, HANDED_ON_AFTER_MS);
    },
    flush,
  };
}

function rememberedAnonymous(): (address: string) => string {
  const known = new BoundedMap<string, string>(REMEMBERED);
  return (address) => {
    let anonymous = known.get(address);
    if (anonymous === undefined) {
      anonymous = anonymized(address);
      known.set(address, anonymous);
    }
    return anonymous;
  };
}
