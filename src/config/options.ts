/** The one table of options. The parser, `--help` and README's table are made from it. */

import {
  bearerToken,
  boolean,
  bytes,
  choice,
  filePath,
  host,
  integer,
  type Kind,
  listenPort,
  mongoUri,
  origins,
  port,
  redisUrls,
  seconds,
  text,
} from "./kinds.ts";
import { networks } from "./networks.ts";
import { bucketName, documentName, endpoint, keyPrefix, objectKey, regionName } from "./s3-kinds.ts";

/** One row of the table. */
export interface Option<Value> {
  /** The long flag without its dashes; absent for what only the environment can set. */
  readonly flag?: string;
  /** The short flag, one letter. */
  readonly short?: string;
  /** The environment variable that is read when the flag isn't given. */
  readonly environment?: string;
  readonly kind: Kind<Value>;
  /** What the value is when nothing is given, in the form a user would write; absent where there is none. */
  readonly default?: string;
  /** What `--help` says of a default that isn't a constant. */
  readonly defaultNote?: string;
  readonly required?: true;
  /** True where the value must never be shown, not in a message either. */
  readonly secret?: true;
  /** The heading it stands under in `--help` and in README. */
  readonly group: Group;
  readonly help: string;
}

/** The headings of the table, in their order. */
export type Group =
  | "Bucket"
  | "Serving"
  | "TLS"
  | "Cache"
  | "Other nodes"
  | "Logs"
  | "Visitor metrics"
  | "Command"
  | "Other";

/** Every option, in the order of `--help`. */
// biome-ignore format: one row a line reads as the table it is
export const options = {
  bucket: row({ flag: "bucket", short: "b", environment: "S3_BUCKET", kind: bucketName, required: true, group: "Bucket", help: "bucket to serve" }),
  region: row({ flag: "region", short: "r", environment: "AWS_REGION", kind: regionName, default: "us-east-1", group: "Bucket", help: "region of the bucket" }),
  key: row({ flag: "key", short: "k", environment: "AWS_KEY", kind: text, defaultNote: "the AWS default chain", group: "Bucket", help: "access key ID" }),
  secret: row({ flag: "secret", short: "s", environment: "AWS_SECRET", kind: text, defaultNote: "the AWS default chain", secret: true, group: "Bucket", help: "secret access key; goes with --key" }),
  sessionToken: row({ flag: "session-token", environment: "AWS_SESSION_TOKEN", kind: text, secret: true, group: "Bucket", help: "session token of temporary credentials; used with --key" }),
  noSign: row({ flag: "no-sign", kind: boolean, default: "false", group: "Bucket", help: "public bucket: send unsigned requests" }),
  endpoint: row({ flag: "endpoint", environment: "S3_ENDPOINT", kind: endpoint, defaultNote: "AWS", group: "Bucket", help: "address of an S3-compatible server, path style" }),
  virtualHost: row({ flag: "virtual-host", kind: boolean, default: "false", group: "Bucket", help: "with --endpoint: the bucket is a part of the host name" }),
  prefix: row({ flag: "prefix", environment: "S3_PREFIX", kind: keyPrefix, group: "Bucket", help: "serve only what is under this key prefix" }),

  port: row({ flag: "port", short: "p", environment: "PORT", kind: listenPort, default: "8000", group: "Serving", help: "port to listen on; 0 picks a free one and logs it" }),
  host: row({ flag: "host", environment: "HOST", kind: host, defaultNote: "all interfaces, IPv4 and IPv6", group: "Serving", help: "address to listen on" }),
  threads: row({ flag: "threads", short: "n", environment: "THREADS", kind: integer("<number>", 1, 256), defaultNote: "number of CPUs the process may use", group: "Serving", help: "serving threads" }),
  maxConnections: row({ flag: "max-connections", environment: "MAX_CONNECTIONS", kind: integer("<number>", 1, 1_000_000), default: "10000", group: "Serving", help: "clients' connections beyond which those without a request are closed" }),
  authKey: row({ flag: "auth-key", short: "a", environment: "AUTH_KEY", kind: bearerToken, secret: true, group: "Serving", help: "bearer token of the management endpoints; without it they are closed" }),
  adminPort: row({ flag: "admin-port", environment: "ADMIN_PORT", kind: listenPort, group: "Serving", help: "a port of its own, without TLS, for everything under /_proxy/; 0 picks a free one and logs it" }),
  trustedProxies: row({ flag: "trusted-proxies", environment: "TRUSTED_PROXIES", kind: networks, default: "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,169.254.0.0/16,::1/128,fc00::/7,fe80::/10", group: "Serving", help: "networks whose X-Forwarded-For, Forwarded or X-Real-IP says who the client is; none for no one" }),
  indexDocument: row({ flag: "index-document", environment: "INDEX_DOCUMENT", kind: documentName, defaultNote: "index.html", group: "Serving", help: "what a path that ends in a slash means" }),
  errorDocument: row({ flag: "error-document", environment: "ERROR_DOCUMENT", kind: objectKey, defaultNote: "a page of its own", group: "Serving", help: "key whose body goes with a 404 and other 4xx" }),
  precompressed: row({ flag: "precompressed", environment: "PRECOMPRESSED", kind: boolean, default: "false", group: "Serving", help: "use app.js.br, app.js.zst and app.js.gz in the bucket as app.js in that content coding" }),
  websiteConfig: row({ flag: "website-config", environment: "WEBSITE_CONFIG", kind: boolean, default: "false", group: "Serving", help: "read the bucket's own website configuration: documents (where no option names them) and redirects" }),
  spa: row({ flag: "spa", environment: "SPA", kind: boolean, default: "false", group: "Serving", help: "answer pages that don't exist with the index document: for apps that route in the browser" }),
  listing: row({ flag: "listing", environment: "LISTING", kind: boolean, default: "false", group: "Serving", help: "answer a folder without an index document with its names; with --reject-query-strings only the first 1,000" }),
  rejectQueryStrings: row({ flag: "reject-query-strings", short: "j", environment: "REJECT_QUERY_STRINGS", kind: boolean, default: "false", group: "Serving", help: "answer 400 to a request with a query string" }),
  headersFile: row({ flag: "headers", environment: "HEADERS_FILE", kind: filePath, group: "Serving", help: "file of response headers by path, in the manner of _headers" }),
  allowedOrigins: row({ environment: "ALLOWED_ORIGINS", kind: origins, default: "[]", group: "Serving", help: 'JSON array of origins that get CORS headers; ["*"] allows all' }),

  tlsCert: row({ flag: "tls-cert", environment: "TLS_CERT", kind: filePath, group: "TLS", help: "PEM file of the certificate and its chain: HTTPS on --port; goes with --tls-key" }),
  tlsKey: row({ flag: "tls-key", environment: "TLS_KEY", kind: filePath, group: "TLS", help: "PEM file of the certificate's private key; both files are read again when they change" }),
  tlsRedirectPort: row({ flag: "tls-redirect-port", environment: "TLS_REDIRECT_PORT", kind: listenPort, group: "TLS", help: "with --tls-cert: a port without TLS that redirects to HTTPS; 0 picks a free one and logs it" }),
  tlsPublicPort: row({ flag: "tls-public-port", environment: "TLS_PUBLIC_PORT", kind: port, defaultNote: "that of --port", group: "TLS", help: "with --tls-redirect-port: the port that visitors are sent to, where another is mapped to this one's" }),
  http3: row({ flag: "http3", environment: "HTTP3", kind: boolean, default: "false", group: "TLS", help: "with --tls-cert: HTTP/3 on the UDP port of the same number; experimental" }),

  ttl: row({ flag: "ttl", short: "t", environment: "TTL", kind: seconds, default: "300", group: "Cache", help: "seconds an object without Cache-Control of its own stays fresh" }),
  negativeTtl: row({ flag: "negative-ttl", environment: "NEGATIVE_TTL", kind: seconds, defaultNote: "the smaller of --ttl and 60", group: "Cache", help: "seconds a missing key is remembered" }),
  forceTtl: row({ flag: "force-ttl", environment: "FORCE_TTL", kind: boolean, default: "false", group: "Cache", help: "let --ttl decide for every object, whatever its own Cache-Control says" }),
  staleWhileRevalidate: row({ flag: "stale-while-revalidate", environment: "STALE_WHILE_REVALIDATE", kind: seconds, default: "60", group: "Cache", help: "seconds a stale object is served at once while S3 is asked behind it" }),
  staleIfError: row({ flag: "stale-if-error", environment: "STALE_IF_ERROR", kind: seconds, default: "86400", group: "Cache", help: "seconds a stale object is served while S3 fails" }),
  originTimeout: row({ flag: "origin-timeout", environment: "ORIGIN_TIMEOUT", kind: integer("<seconds>", 1, 3600), default: "30", group: "Cache", help: "longest wait for S3's first byte, and between two bytes, in seconds" }),
  cacheDir: row({ flag: "cache-dir", short: "d", environment: "CACHE_DIR", kind: text, defaultNote: "s3proxy-<uid> in the temporary directory", group: "Cache", help: "directory of the cached objects; created with mode 0700" }),
  cacheSize: row({ flag: "cache-size", environment: "CACHE_SIZE", kind: bytes, default: "10GiB", group: "Cache", help: "bytes the cache may use on disk" }),
  maxObjectSize: row({ flag: "max-object-size", environment: "MAX_OBJECT_SIZE", kind: bytes, default: "5GiB", group: "Cache", help: "largest object that is kept; a larger one is passed through" }),
  memorySize: row({ flag: "memory-size", environment: "MEMORY_SIZE", kind: bytes, default: "256MiB", group: "Cache", help: "bytes of objects up to 256 KiB kept in memory" }),

  redisUrls: row({ flag: "redis-url", environment: "REDIS_URL", kind: redisUrls, secret: true, group: "Other nodes", help: "Redis or Valkey by way of which nodes tell each other what is cleared and has changed; several of a cluster with commas between" }),
  redisCache: row({ flag: "redis-cache", environment: "REDIS_CACHE", kind: boolean, default: "false", group: "Other nodes", help: "with --redis-url: objects up to 64 KiB that one node has asked S3 for are left in Redis for the others" }),

  console: row({ flag: "console", short: "c", environment: "CONSOLE", kind: boolean, default: "false", group: "Logs", help: "log to stdout as well" }),
  logLevel: row({ flag: "log-level", short: "l", environment: "LOG_LEVEL", kind: choice("critical", "warn", "info", "debug"), default: "info", group: "Logs", help: "least severe level that is logged" }),
  logDir: row({ flag: "dir", short: "o", environment: "LOG_DIR", kind: text, default: "logs/", group: "Logs", help: "directory of the log files, one a day" }),
  accessLog: row({ flag: "access-log", environment: "ACCESS_LOG", kind: choice("off", "combined", "json"), default: "off", group: "Logs", help: "a line for each request, without its query, where the log goes (in the directory in files of its own)" }),

  mmdbHost: row({ flag: "mmdb-host", short: "m", environment: "MMDB_HOST", kind: host, group: "Visitor metrics", help: "host of an mmdb-ws server" }),
  mmdbPort: row({ flag: "mmdb-port", short: "x", environment: "MMDB_PORT", kind: port, default: "2010", group: "Visitor metrics", help: "port of the mmdb-ws server" }),
  mmdbFile: row({ flag: "mmdb-file", environment: "MMDB_FILE", kind: text, group: "Visitor metrics", help: "city database in MaxMind's format, read again when it changes; used in place of an mmdb-ws server" }),
  anonymizeIp: row({ flag: "anonymize-ip", environment: "ANONYMIZE_IP", kind: boolean, default: "false", group: "Visitor metrics", help: "store addresses with the last octet zero (of IPv6 the last 80 bits)" }),
  ilpHost: row({ flag: "ilp-host", short: "y", environment: "ILP_HOST", kind: host, group: "Visitor metrics", help: "host of a QuestDB server (Influx line protocol)" }),
  ilpPort: row({ flag: "ilp-port", short: "z", environment: "ILP_PORT", kind: port, default: "9009", group: "Visitor metrics", help: "port of the QuestDB server" }),
  ilpSeriesName: row({ flag: "ilp-series-name", short: "e", environment: "ILP_SERIES_NAME", kind: text, default: "request", group: "Visitor metrics", help: "series (table) the visits are written to" }),
  mongoUri: row({ flag: "mongo-uri", short: "f", environment: "MONGO_URI", kind: mongoUri, secret: true, group: "Visitor metrics", help: "MongoDB connection string" }),
  mongoDatabase: row({ flag: "mongo-database", short: "g", environment: "MONGO_DATABASE", kind: text, default: "metrics", group: "Visitor metrics", help: "MongoDB database" }),
  mongoCollection: row({ flag: "mongo-collection", short: "i", environment: "MONGO_COLLECTION", kind: text, default: "request", group: "Visitor metrics", help: "MongoDB collection" }),
  spoolDir: row({ flag: "spool-dir", environment: "SPOOL_DIR", kind: text, defaultNote: "spool in the cache directory", group: "Visitor metrics", help: "where visits wait on disk while they can't be stored" }),
  spoolSize: row({ flag: "spool-size", environment: "SPOOL_SIZE", kind: bytes, default: "256MiB", group: "Visitor metrics", help: "bytes that may wait there for each of the two; the oldest are dropped" }),
  visitSummary: row({ flag: "visit-summary", environment: "VISIT_SUMMARY", kind: boolean, default: "false", group: "Visitor metrics", help: "log one line about the last visits when the program stops" }),

  config: row({ flag: "config", environment: "CONFIG_FILE", kind: filePath, group: "Other", help: "file of options in TOML or YAML (by its ending), named as the flags; flags and environment win" }),
  takeover: row({ flag: "takeover", environment: "TAKEOVER", kind: filePath, group: "Other", help: "socket by which one that is started with the same options takes the place of this one, without a refused request" }),
  help: row({ flag: "help", short: "h", kind: boolean, default: "false", group: "Other", help: "print this text and exit" }),
  version: row({ flag: "version", kind: boolean, default: "false", group: "Other", help: "print the version and exit" }),
};

/** The name of an option in code. */
export type OptionName = keyof typeof options;

type ValueOf<Row> = Row extends { readonly kind: Kind<infer Value> }
  ? Row extends { readonly default: string } | { readonly required: true }
    ? Value
    : Value | undefined
  : never;

/** The names of all rows. */
export const OPTION_NAMES = Object.keys(options) as readonly OptionName[];

/** Rows by their names in code. */
export type OptionTable = Readonly<Record<string, Option<unknown>>>;

/** What a table's options are worth, defaults filled in; absent values are `undefined`. */
export type ValuesOf<Table extends OptionTable> = { readonly [Name in keyof Table]: ValueOf<Table[Name]> };

/** What the program runs with. */
export type OptionValues = ValuesOf<typeof options>;

/** A row with the type of its values. */
export function row<Value, const Row extends Option<Value>>(
  it: Row & { kind: Kind<Value> },
): Row & { kind: Kind<Value> } {
  return it;
}
