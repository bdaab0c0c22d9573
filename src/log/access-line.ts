/**
 * The access log's line for one request, in the form that Apache and nginx call "combined" or as JSON. What a client sends can't end a
 * value or the line, nor reach a terminal as anything but text. Queries are left out, of the referring page as well: they may hold secrets.
 */

/** The forms of a line. */
export type AccessLogForm = "combined" | "json";

/** A request and its answer, as far as they are logged. */
export interface Access {
  /** Address of the client. */
  readonly client: string;
  readonly method: string;
  /** The path without the query. */
  readonly resource: string;
  readonly status: number;
  /** Bytes of the body that were handed over. */
  readonly sizeBytes: number;
  /** How long the answer took, in nanoseconds. */
  readonly timeNs: number;
  /** "" where the cache had no part in the answer. */
  readonly cacheStatus: string;
  readonly referer: string | null;
  readonly userAgent: string | null;
}

/** Makes the line, without a newline, of what was over at that time, in milliseconds since the epoch. */
export type AccessLine = (access: Access, nowMs: number) => string;

/** The maker of lines of that form. It remembers what the same second has in common. */
export function accessLineOf(form: AccessLogForm): AccessLine {
  return form === "json" ? jsonLines() : combinedLines();
}

/**
 * `client - - [time] "method path HTTP/1.1" status bytes "referer" "user agent" cache seconds`: Bun doesn't tell the version of HTTP, and
 * readers of this form want one.
 */
function combinedLines(): AccessLine {
  const dateOf = perSecond(combinedDate);
  return (
    { client, method, resource, status, sizeBytes, timeNs, cacheStatus, referer, userAgent },
    nowMs,
  ) => {
    const request = `${plain(method)} ${plain(resource)}`;
    const answer = `${status} ${sizeBytes}`;
    const asker = `"${plainOr(withoutQuery(referer))}" "${plainOr(userAgent)}"`;
    const seconds = decimal(Math.round(timeNs / 1000), 1_000_000, 6);
    return `${plainOr(client)} - - [${dateOf(nowMs)}] "${request} HTTP/1.1" ${answer} ${asker} ${cacheStatus || "-"} ${seconds}`;
  };
}

function jsonLines(): AccessLine {
  const secondOf = perSecond((date) => date.toISOString().slice(0, -4));
  return (
    { client, method, resource, status, sizeBytes, timeNs, cacheStatus, referer, userAgent },
    nowMs,
  ) => {
    const time = `${secondOf(nowMs)}${digits(nowMs % 1000, 3)}Z`;
    const durationMs = decimal(Math.round(timeNs / 1000), 1_000, 3);
    const request = `"client":${quoted(client)},"method":${quoted(method)},"path":${quoted(resource)}`;
    const answer = `"status":${status},"bytes":${sizeBytes},"durationMs":${durationMs}`;
    const asker = `"referer":${quoted(withoutQuery(referer))},"userAgent":${quoted(userAgent)}`;
    return `{"time":"${time}",${request},${answer},"cache":${quoted(cacheStatus || null)},${asker}}`;
  };
}

function perSecond(textOf: (date: Date) => string): (nowMs: number) => string {
  let second = -1;
  let text = "";
  return (nowMs) => {
    const now = Math.floor(nowMs / 1000);
    if (now !== second) [second, text] = [now, textOf(new Date(nowMs))];
    return text;
  };
}

/** A whole number of microseconds in units of so many; faster than `toFixed` where they are as few as a hit's. */
function decimal(microseconds: number, perUnit: number, places: number): string {
  const whole = Math.floor(microseconds / perUnit);
  return `${whole}.${digits(microseconds - whole * perUnit, places)}`;
}

const ZEROS = ["", "0", "00", "000", "0000", "00000"];

/** A whole number with zeros before it, in so many digits, at most six. */
function digits(value: number, count: number): string {
  const text = String(value);
  return (ZEROS[count - text.length] ?? "") + text;
}

/** `31/Jan/2026:12:34:56 +0000`. */
function combinedDate(date: Date): string {
  const [, day, month, year, time] = date.toUTCString().split(" ");
  return `${day}/${month}/${year}:${time} +0000`;
}

function withoutQuery(url: string | null): string | null {
  const at = url?.indexOf("?") ?? -1;
  return at < 0 ? url : (url?.slice(0, at) ?? null);
}

/** What isn't printable ASCII, or has a meaning between quotes. */
const NOT_PLAIN = /[^ !#-[\]-~]/;
const EACH_NOT_PLAIN = /[^ !#-[\]-~]/g;

/** As nginx writes it: `\x22` for a quote. */
function plain(value: string): string {
  return NOT_PLAIN.test(value) ? value.replace(EACH_NOT_PLAIN, escaped) : value;
}

function plainOr(value: string | null): string {
  return value === null || value === "" ? "-" : plain(value);
}

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  const [prefix, digits] = code < 0x100 ? ["\\x", 2] : ["\\u", 4];
  return prefix + code.toString(16).toUpperCase().padStart(digits, "0");
}

/** What JSON lets stand and a terminal or a reader of lines doesn't take for text. */
const NOT_TEXT = /[\u007f-\u009f\u2028\u2029]/g;

function quoted(value: string | null): string {
  if (value === null) return "null";
  if (!NOT_PLAIN.test(value)) return `"${value}"`;
  const inJson = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value).replace(NOT_TEXT, inJson);
}
