/** One value for every option, in the ways a user can give it. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** Option by its long flag (or, for what only the environment has, its variable), to its value. */
export type Settings = Readonly<Record<string, string>>;

/** Long flag to short flag and environment variable, as README and `--help` say. */
const NAMES: Readonly<Record<string, { readonly short?: string; readonly environment: string }>> = {
  bucket: { short: "b", environment: "S3_BUCKET" },
  region: { short: "r", environment: "AWS_REGION" },
  key: { short: "k", environment: "AWS_KEY" },
  secret: { short: "s", environment: "AWS_SECRET" },
  "session-token": { environment: "AWS_SESSION_TOKEN" },
  endpoint: { environment: "S3_ENDPOINT" },
  prefix: { environment: "S3_PREFIX" },
  "auth-key": { short: "a", environment: "AUTH_KEY" },
  port: { short: "p", environment: "PORT" },
  host: { environment: "HOST" },
  threads: { short: "n", environment: "THREADS" },
  ttl: { short: "t", environment: "TTL" },
  "negative-ttl": { environment: "NEGATIVE_TTL" },
  "cache-dir": { short: "d", environment: "CACHE_DIR" },
  "cache-size": { environment: "CACHE_SIZE" },
  "memory-size": { environment: "MEMORY_SIZE" },
  "reject-query-strings": { short: "j", environment: "REJECT_QUERY_STRINGS" },
  console: { short: "c", environment: "CONSOLE" },
  "log-level": { short: "l", environment: "LOG_LEVEL" },
  dir: { short: "o", environment: "LOG_DIR" },
  "mmdb-host": { short: "m", environment: "MMDB_HOST" },
  "mmdb-port": { short: "x", environment: "MMDB_PORT" },
  "ilp-host": { short: "y", environment: "ILP_HOST" },
  "ilp-port": { short: "z", environment: "ILP_PORT" },
  "ilp-series-name": { short: "e", environment: "ILP_SERIES_NAME" },
  "mongo-uri": { short: "f", environment: "MONGO_URI" },
  "mongo-database": { short: "g", environment: "MONGO_DATABASE" },
  "mongo-collection": { short: "i", environment: "MONGO_COLLECTION" },
};

/** What a run must come to, whichever way it is given; makes its log directory in `folder`. */
export function chosenSettings(folder: string, name: string, endpoint: string) {
  mkdirSync(join(folder, name, "logs"), { recursive: true });
  const numbers = { ttl: "111", "negative-ttl": "11", threads: "2", "mmdb-port": "2011", "ilp-port": "9010" };
  return {
    ...numbers,
    bucket: `${name}-bucket`,
    region: "eu-west-1",
    key: `AKIA${name}`,
    secret: `secret-of-${name}`,
    "session-token": `token-of-${name}`,
    endpoint,
    prefix: `${name}-prefix`,
    "auth-key": `bearer-of-${name}`,
    port: "0",
    host: "127.0.0.1",
    "cache-dir": join(folder, name, "cache"),
    "cache-size": "50kB",
    "memory-size": "3",
    "reject-query-strings": "true",
    console: "true",
    "log-level": "debug",
    dir: join(folder, name, "logs"),
    "mmdb-host": "localhost",
    "ilp-host": "localhost",
    "ilp-series-name": "visits",
    "mongo-uri": "mongodb://localhost",
    "mongo-database": "visits",
    "mongo-collection": "visits",
  };
}

/** Values that would make the program fail, or behave visibly otherwise, if they were not overridden. */
export function overriddenSettings(folder: string, endpoint: string): Settings {
  return {
    ...chosenSettings(folder, "overridden", endpoint),
    region: "ap-south-1",
    ttl: "222",
    "negative-ttl": "22",
    threads: "3",
    port: "65536",
    host: "no host",
    "cache-size": "1MB",
    "memory-size": "1MiB",
    "reject-query-strings": "false",
    console: "false",
    "log-level": "critical",
    "mmdb-port": "0",
    "mmdb-host": "no host",
    "ilp-port": "0",
    "ilp-host": "no host",
    "mongo-uri": "postgres://localhost",
  };
}

/** `--flag value`, and a bare `--flag` for "true". */
export function asLongFlags(settings: Settings): string[] {
  return Object.entries(settings).flatMap(([flag, value]) => given(`--${flag}`, value));
}

/** `-f value` where there is a short flag, the long one elsewhere. */
export function asShortFlags(settings: Settings): string[] {
  return Object.entries(settings).flatMap(([flag, value]) => {
    const { short } = NAMES[flag]!;
    return given(short === undefined ? `--${flag}` : `-${short}`, value);
  });
}

/** Environment variables. */
export function asEnvironment(settings: Settings): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([flag, value]) => [NAMES[flag]!.environment, value]),
  );
}

/** The text of a configuration file. A text is read as a flag's is, whatever the option. */
export function asTomlFile(settings: Settings): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`)
    .join("");
}

function given(flag: string, value: string): string[] {
  return value === "true" ? [flag] : [flag, value];
}
