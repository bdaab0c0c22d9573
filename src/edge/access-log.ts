/** The access log of one edge: lines are collected, and handed on together. */

import { BoundedMap } from "../common/bounded-map.ts";
import { type AccessLogForm, accessLineOf } from "../log/access-line.ts";
import { anonymized } from "../metrics/anonymize.ts";
import type { Observer } from "./exchange.ts";

/** Lines are handed on after this long, in milliseconds. */
const HANDED_ON_AFTER_MS = 250;
/** And when they have so many characters. */
const HANDED_ON_CHARACTERS = 32 * 1024;
/** Addresses whose anonymous form is remembered. */
const REMEMBERED = 1_000;

/** What it works with. */
export interface AccessLogParts {
  readonly form: AccessLogForm;
  /** True to log addresses without their last part. */
  readonly isAnonymous: boolean;
  /** Takes lines, without the last newline. Must not throw. */
  readonly writeAccess: (lines: string) => void;
  /** The time of day, milliseconds since the epoch. */
  readonly nowMs: () => number;
}

/** Logs every request, those to the proxy's own endpoints too. */
export interface AccessLog extends Observer {
  /** Hands on what there is. */
  flush(): void;
}

/** Makes the access log of an edge. */
export function createAccessLog({ form, isAnonymous, writeAccess, nowMs }: AccessLogParts): AccessLog {
  const lineOf = accessLineOf(form);
  const clientOf = isAnonymous ? rememberedAnonymous() : (address: string) => address;
  let lines = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (lines === "") return;
    writeAccess(lines);
    lines = "";
  };
  return {
    see({ request: { headers }, ipAddress, method, resource, status, sizeBytes, timeNs, cacheStatus }) {
      const client = clientOf(ipAddress);
      const referer = headers.get("referer");
      const userAgent = headers.get("user-agent");
      const line = lineOf(
        { client, method, resource, status, sizeBytes, timeNs, cacheStatus, referer, userAgent },
        nowMs(),
      );
      lines = lines === "" ? line : `${lines}\n${line}`;
      if (lines.length >= HANDED_ON_CHARACTERS) flush();
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
