/** The answers whose cost is compared: who asks for what, and what the answers must say. */

/** Length of every object, in bytes. */
export const BODY_BYTES = 3 * 1024;

/** How long S3 takes to confirm a stale copy that is served meanwhile, in milliseconds: with no time it would be asked with every answer. */
export const CONFIRMED_AFTER_MS = 100;

/** By folder, what S3 says of how long an object may be used. */
export const CACHE_CONTROL: Readonly<Record<string, string>> = {
  hit: "max-age=86400",
  miss: "max-age=86400",
  /** Stale at once and for ever, and served so. */
  stale: "max-age=0, stale-while-revalidate=86400",
  /** To be asked about on every use. */
  always: "no-cache",
};

/** One kind of answer. */
export interface Kind {
  readonly title: string;
  /** What a connection asks for next. */
  readonly pathOf: (connection: number) => string;
  /** What an answer's `Cache-Status` looks like. */
  readonly status: RegExp;
}

let missed = 0;

/** The first is what the others are compared with. */
export const KINDS: readonly [Kind, ...Kind[]] = [
  { title: "hit", pathOf: (connection) => `/hit/${connection}.html`, status: /^s3proxy; hit; ttl=\d+$/ },
  {
    title: `stale, S3 takes ${CONFIRMED_AFTER_MS} ms behind it`,
    pathOf: (connection) => `/stale/${connection}.html`,
    status: /^s3proxy; hit; ttl=-?\d+; detail=revalidating$/,
  },
  {
    title: "revalidated (304), one key for all",
    pathOf: () => "/always/one.html",
    status: /^s3proxy; fwd=(stale; fwd-status=304|uri-miss; collapsed)/,
  },
  {
    title: "revalidated (304), a key each",
    pathOf: (connection) => `/always/${connection}.html`,
    status: /^s3proxy; fwd=stale; fwd-status=304/,
  },
  {
    title: "miss, fetched and stored",
    pathOf: () => `/miss/${++missed}.html`,
    status: /^s3proxy; fwd=uri-miss; stored/,
  },
];
