import type { MessageHead } from "./http-wire.ts";
import type { DeliveryEnd } from "./memory-s3-delivery.ts";
import type { S3Request } from "./memory-s3-request.ts";

/** A request that a server received. */
export interface RecordedRequest {
  method: string;
  /** In plain text; empty for the bucket itself and for a path that cannot be decoded. */
  key: string;
  /** As it was on the wire, bucket included, without the query. */
  rawPath: string;
  query: Record<string, string>;
  /** Names in lower case. */
  headers: Record<string, string>;
  atMs: number;
  /** The number of the connection it came on, from 1. */
  connection: number;
  /** Undefined until the answer is decided. */
  status: number | undefined;
  bodyBytesSent: number;
  /** `aborted` when the client went away, `closed` when a program closed the connection. */
  outcome: "pending" | DeliveryEnd;
}

/** The requests of one server. */
export interface RequestLog {
  readonly requests: readonly RecordedRequest[];
  open(request: S3Request | undefined, head: MessageHead, connection: number): RecordedRequest;
  close(entry: RecordedRequest, outcome: DeliveryEnd): void;
  countOf(key: string): number;
  /** Resolves when so many requests of that key (`"*"`: of all) have ended. */
  ended(key: string, count: number): Promise<void>;
  /** Forgets the requests; who waits for `ended` goes on to wait. */
  clear(): void;
}

interface Waiter {
  key: string;
  count: number;
  resolve: () => void;
}

/** Makes an empty log. */
export function createRequestLog(): RequestLog {
  const requests: RecordedRequest[] = [];
  let waiters: Waiter[] = [];

  const isOf = (entry: RecordedRequest, key: string) => key === "*" || entry.key === key;
  const endedCountOf = (key: string) =>
    requests.filter((entry) => isOf(entry, key) && entry.outcome !== "pending").length;

  return {
    requests,
    open(request, head, connection) {
      const [method, target] = head.firstLine;
      const entry: RecordedRequest = {
        method,
        key: request?.key ?? "",
        rawPath: request?.rawPath ?? target,
        query: Object.fromEntries(request?.query ?? []),
        headers: Object.fromEntries(head.headers.map(([name, value]) => [name.toLowerCase(), value])),
        atMs: Date.now(),
        connection,
        status: undefined,
        bodyBytesSent: 0,
        outcome: "pending",
      };
      requests.push(entry);
      return entry;
    },
    close(entry, outcome) {
      entry.outcome = outcome;
      const isDone = (waiter: Waiter) => endedCountOf(waiter.key) >= waiter.count;
      for (const waiter of waiters.filter(isDone)) waiter.resolve();
      waiters = waiters.filter((waiter) => !isDone(waiter));
    },
    countOf: (key) => requests.filter((entry) => isOf(entry, key)).length,
    ended(key, count) {
      if (endedCountOf(key) >= count) return Promise.resolve();
      return new Promise((resolve) => waiters.push({ key, count, resolve }));
    },
    clear() {
      requests.length = 0;
    },
  };
}
