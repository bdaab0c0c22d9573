/**
 * The kinds of value an option may have: how a text becomes a value, what was wanted when it doesn't, and what stands for it in
 * `--help`. Pure; every kind throws `WrongForm` and nothing else. Those that name something in S3 are in s3-kinds.ts.
 */

/** A value that isn't of its option's form; the message says what was wanted. */
export class WrongForm extends Error {
  override readonly name = "WrongForm";
}

/** One kind of option value. */
export interface Kind<Value> {
  /** What stands for the value in `--help`, such as `<seconds>`; empty for a boolean. */
  readonly placeholder: string;
  /** Turns the text of a flag or an environment variable into a value. Throws `WrongForm`. */
  parse(text: string): Value;
  /**
   * The text that means the same as a value of a configuration file that isn't a text; undefined where that is of another type.
   * Absent where only a text will do.
   */
  textOf?(value: unknown): string | undefined;
}

/** Any text that isn't empty. */
export const text: Kind<string> = {
  placeholder: "<text>",
  parse(given) {
    if (given === "") throw new WrongForm("a text that is not empty");
    return given;
  },
};

/** The path of a file, which is looked at only when it is needed. */
export const filePath: Kind<string> = { ...text, placeholder: "<file>" };

/** `true` or `false`; a bare flag means `true`. */
export const boolean: Kind<boolean> = {
  placeholder: "",
  parse(given) {
    if (given === "true") return true;
    if (given === "false") return false;
    throw new WrongForm('"true" or "false"');
  },
  textOf: (value) => (typeof value === "boolean" ? String(value) : undefined),
};

function textOfNumber(value: unknown): string | undefined {
  return typeof value === "number" ? String(value) : undefined;
}

/** A whole number within bounds, both included. */
export function integer(placeholder: string, least: number, most: number): Kind<number> {
  return {
    placeholder,
    parse(given) {
      const value = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
      if (!(value >= least && value <= most)) {
        throw new WrongForm(`a whole number from ${least} to ${most}`);
      }
      return value;
    },
    textOf: textOfNumber,
  };
}

/** A TCP port; 0 only where the option means "any free one". */
export const port = integer("<port>", 1, 65_535);

/** A TCP port to listen on; 0 picks a free one. */
export const listenPort = integer("<port>", 0, 65_535);

/** Seconds, from 0 to ten years. */
export const seconds = integer("<seconds>", 0, 315_360_000);

const BYTE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** A number of bytes: plain, or with a decimal (`20GB`) or binary (`512MiB`) unit in any case. */
export const bytes: Kind<number> = {
  placeholder: "<size>",
  parse(given) {
    const match = /^(\d{1,15}(?:\.\d{1,6})?)\s?([a-z]*)$/i.exec(given);
    const unit = BYTE_UNITS[match?.[2]?.toLowerCase() ?? "none"];
    const value = unit === undefined ? Number.NaN : Math.floor(Number(match?.[1]) * unit);
    if (!Number.isSafeInteger(value)) throw new WrongForm('a size such as "512MiB", "20GB" or plain bytes');
    return value;
  },
  textOf: textOfNumber,
};

/** One of a few words. */
export function choice<Word extends string>(...words: readonly Word[]): Kind<Word> {
  return {
    placeholder: `<${words.join("|")}>`,
    parse(given) {
      const word = words.find((candidate) => candidate === given);
      if (word === undefined) throw new WrongForm(`one of ${words.map((each) => `"${each}"`).join(", ")}`);
      return word;
    },
  };
}

/** A host name or an IP address. */
export const host: Kind<string> = {
  placeholder: "<host>",
  parse(given) {
    if (!/^[A-Za-z0-9._:[\]%-]{1,255}$/.test(given)) throw new WrongForm("a host name or an IP address");
    return given.replace(/^\[(.*)\]$/, "$1");
  },
};

/** A MongoDB connection string. */
export const mongoUri: Kind<string> = {
  placeholder: "<uri>",
  parse(given) {
    if (!/^mongodb(\+srv)?:\/\/[^\s]+$/.test(given)) {
      throw new WrongForm('a URI that starts with "mongodb://" or "mongodb+srv://"');
    }
    return given;
  },
};

/** URLs of Redis servers, separated by commas: one, or several of a cluster. */
export const redisUrls: Kind<readonly string[]> = {
  placeholder: "<url>",
  parse(given) {
    const urls = given.split(",").map((url) => url.trim());
    if (urls.every(isRedisUrl)) return urls;
    throw new WrongForm('"redis://<host>:<port>" or "rediss://...", with commas between several');
  },
  textOf: (value) => (isStrings(value) ? value.join(",") : undefined),
};

function isRedisUrl(given: string): boolean {
  const url = URL.parse(given);
  if (url === null || !["redis:", "rediss:"].includes(url.protocol) || url.hostname === "") return false;
  // A stray percent sign isn't a URL's.
  return /^(?:[^%]|%[0-9A-Fa-f]{2})*$/.test(url.password) && /^(\/\d*)?$/.test(url.pathname);
}

/** A bearer token: RFC 6750 section 2.1 `b64token` characters and any other visible ASCII but no white space. */
export const bearerToken: Kind<string> = {
  placeholder: "<token>",
  parse(given) {
    if (!/^[\x21-\x7e]+$/.test(given)) throw new WrongForm("visible ASCII characters without white space");
    return given;
  },
};

/** A JSON array of web origins, or `["*"]` for all of them. */
export const origins: Kind<readonly string[]> = {
  placeholder: "<json>",
  parse(given) {
    const list = jsonStrings(given);
    for (const origin of list) {
      if (origin !== "*" && URL.parse(origin)?.origin !== origin) {
        throw new WrongForm(
          `a JSON array of origins such as ["https://example.com"], and "${origin}" is not an origin`,
        );
      }
    }
    return list;
  },
  textOf: (value) => (isStrings(value) ? JSON.stringify(value) : undefined),
};

function jsonStrings(given: string): string[] {
  const wanted = 'a JSON array of strings such as ["https://example.com"]';
  let parsed: unknown;
  try {
    parsed = JSON.parse(given);
  } catch {
    throw new WrongForm(wanted);
  }
  if (!isStrings(parsed)) throw new WrongForm(wanted);
  return parsed;
}

/** True for a list of texts and nothing else. */
export function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
