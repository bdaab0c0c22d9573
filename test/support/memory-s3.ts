import type { Hold } from "./hold.ts";
import { createRequestLog, type RecordedRequest } from "./memory-s3-log.ts";
import { createObject, type ObjectBody, type StoredObject } from "./memory-s3-objects.ts";
import { createPrograms, type Programs, type Removal } from "./memory-s3-programs.ts";
import { createConnectionServer, type ServerState } from "./memory-s3-server.ts";
import { leakyFailure } from "./s3-errors.ts";
import { startTcpServer } from "./tcp-server.ts";

export type { Hold } from "./hold.ts";
export type { RecordedRequest } from "./memory-s3-log.ts";
export type { Removal } from "./memory-s3-programs.ts";
export { LEAK_MARKERS } from "./s3-errors.ts";

/** How a server starts; everything has a default. */
export interface MemoryS3Options {
  /** Default `test-bucket`. */
  bucket?: string;
  /** Default `us-east-1`. */
  region?: string;
  accessKeyId?: string;
  secretAccessKey?: string;
  /** When set, every signature must come with this session token. */
  sessionToken?: string;
  /** Whether requests without a signature are answered; default false. */
  public?: boolean;
  /** Whether a missing key is 404 NoSuchKey; false makes it 403 AccessDenied; default true. */
  listable?: boolean;
  /** Answers every request 301 PermanentRedirect to that region. */
  regionRedirect?: string;
}

/** A programmable S3 of one bucket, path-style, that verifies signatures. A program's key `"*"` is every key. */
export interface MemoryS3 {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** How far the server's clock is ahead of this computer's, for skewed signatures and dates; 0 at first. */
  clockOffsetMs: number;
  /** The region that every request is redirected to, when set. */
  regionRedirect: string | undefined;
  /** The XML that GetBucketWebsite answers with; without it the bucket has no website configuration. */
  website: string | undefined;
  /** Stores an object; headers may set ETag and Last-Modified too. */
  put(key: string, body: string | ObjectBody, headers?: Record<string, string>): void;
  delete(key: string): void;
  /** Every request since the start or the last `reset`, in the order of arrival. */
  readonly requests: readonly RecordedRequest[];
  /** Counts the requests of that key (`"*"`: all), those that still wait included. */
  countOf(key: string): number;
  /** Resolves when so many requests of that key (`"*"`: of all) have ended, well or not. */
  ended(key: string, count: number): Promise<void>;
  /** Forgets objects, requests and programs, and sets the clock right. */
  reset(): void;
  stop(): Promise<void>;
  /** Answers with error XML that holds what must not leak (see `LEAK_MARKERS`). */
  fail(key: string, status: number, code: string, times?: number): Removal;
  /** Answers with exactly these headers and body; Content-Length is added when it is not given. */
  answer(
    key: string,
    status: number,
    headers: Record<string, string>,
    body?: string | Uint8Array,
    times?: number,
  ): Removal;
  /** Holds requests before their answer is decided. */
  hold(key: string): Hold;
  /** Sends the headers and so many bytes of the body, then holds. */
  holdBody(key: string, afterBytes: number, times?: number): Hold;
  /** Promises the whole length, and closes after so many bytes of the body. */
  cut(key: string, afterBytes: number, times?: number): Removal;
  /** Closes the connection without an answer; Bun's fetch tries a GET once more when the connection was a kept one. */
  closeBeforeHeaders(key: string, times?: number): Removal;
  /** Sends bodies at that speed. */
  drip(key: string, bytesPerSecond: number): Removal;
  /** Takes every program away and lets pass what is held. */
  clearPrograms(): void;
}

/** Starts a server on a free port of 127.0.0.1. */
export async function startMemoryS3(options: MemoryS3Options = {}): Promise<MemoryS3> {
  const objects = new Map<string, StoredObject>();
  const state = createState(options, objects);
  const { programs, log, account, bucket } = state;
  const server = await startTcpServer(createConnectionServer(state));

  return {
    endpoint: `http://127.0.0.1:${server.port}`,
    bucket: bucket.name,
    region: account.region,
    accessKeyId: account.accessKeyId,
    secretAccessKey: account.secretAccessKey,
    get clockOffsetMs() {
      return state.clockOffsetMs;
    },
    set clockOffsetMs(offsetMs) {
      state.clockOffsetMs = offsetMs;
    },
    get regionRedirect() {
      return bucket.regionRedirect;
    },
    set regionRedirect(region) {
      bucket.regionRedirect = region;
    },
    get website() {
      return bucket.website;
    },
    set website(xml) {
      bucket.website = xml;
    },
    put(key, body, headers = {}) {
      objects.set(key, createObject(body, headers, Date.now() + state.clockOffsetMs));
    },
    delete(key) {
      objects.delete(key);
    },
    requests: log.requests,
    countOf: log.countOf,
    ended: log.ended,
    reset() {
      objects.clear();
      programs.clear();
      log.clear();
      state.clockOffsetMs = 0;
      bucket.regionRedirect = options.regionRedirect;
      bucket.website = undefined;
    },
    async stop() {
      programs.clear();
      await server.close();
    },
    ...programMethods(programs),
  };
}

function createState(options: MemoryS3Options, objects: ReadonlyMap<string, StoredObject>): ServerState {
  return {
    bucket: {
      name: options.bucket ?? "test-bucket",
      isPublic: options.public ?? false,
      isListable: options.listable ?? true,
      regionRedirect: options.regionRedirect,
      website: undefined,
      objects,
    },
    account: {
      accessKeyId: options.accessKeyId ?? "AKIATESTMEMORY000000",
      secretAccessKey: options.secretAccessKey ?? "test/secret+of/the+memory+server00000000",
      region: options.region ?? "us-east-1",
      ...(options.sessionToken === undefined ? {} : { sessionToken: options.sessionToken }),
    },
    clockOffsetMs: 0,
    programs: createPrograms(),
    log: createRequestLog(),
  };
}

function programMethods(programs: Programs) {
  return {
    fail: (key: string, status: number, code: string, times?: number) =>
      programs.add("fail", key, { failure: leakyFailure(status, code) }, times),
    answer: (
      key: string,
      status: number,
      headers: Record<string, string>,
      body: string | Uint8Array = "",
      times?: number,
    ) =>
      programs.add(
        "answer",
        key,
        { status, headers: Object.entries(headers), body: Buffer.from(body) },
        times,
      ),
    hold: (key: string) => programs.addHold(key),
    holdBody: (key: string, afterBytes: number, times?: number) =>
      programs.addHoldBody(key, afterBytes, times),
    cut: (key: string, afterBytes: number, times?: number) => programs.add("cut", key, { afterBytes }, times),
    closeBeforeHeaders: (key: string, times?: number) => programs.add("closeBeforeHeaders", key, {}, times),
    drip: (key: string, bytesPerSecond: number) => programs.add("drip", key, { bytesPerSecond }),
    clearPrograms: () => programs.clear(),
  };
}
