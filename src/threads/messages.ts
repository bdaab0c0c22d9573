/** The messages between the main thread, where the keeper is, and the threads of the edges and the publisher. */

import type { EdgeConfig, EdgeSettings } from "../edge/edge.ts";
import type { KeeperClient } from "../keeper/protocol.ts";
import type { Level } from "../log/log.ts";
import type { VisitBatch } from "../metrics/batch.ts";
import type { PublisherConfig } from "../metrics/publisher-config.ts";
import type { SinkState } from "../metrics/sink-state.ts";
import type { VisitSummary } from "../metrics/visit-tally.ts";
import type { BucketWebsite } from "../origin/website.ts";
import type { Operations } from "../telemetry/operations.ts";
import type { Certificate } from "../tls/certificate.ts";
import type { Question, Reply } from "./questions.ts";

/** What an edge asks the main thread. */
export type AskedOfMain = KeeperClient & Operations;

/** What the main thread asks an edge. */
export interface AskedOfEdge {
  /** Forgets all its copies. */
  dropAll(): Promise<void>;
  /** As `EdgeClient.caughtUp`. */
  caughtUp(): Promise<void>;
  /** Answers by these from now on. */
  setSettings(settings: EdgeSettings): void;
  /** Closes the connections on which nothing is asked; says how many. */
  closeIdle(): number;
}

/** What the main thread asks the publisher. */
export interface AskedOfPublisher {
  setLogLevel(level: Level): void;
  /** How its sinks stand. */
  sinks(): readonly SinkState[];
  /** What the visits of the last hour were; undefined where nobody looks. */
  summary(): VisitSummary | undefined;
}

/** From the main thread to an edge. Messages arrive in the order they were sent. */
export type ToEdge =
  | {
      readonly type: "start";
      readonly config: EdgeConfig;
      readonly uses: SharedArrayBuffer;
      readonly counters: SharedArrayBuffer;
    }
  | Question<AskedOfEdge>
  | Reply
  | { readonly type: "drop"; readonly keys: readonly string[] }
  | { readonly type: "website"; readonly website: BucketWebsite | undefined }
  | { readonly type: "renew"; readonly certificate: Certificate }
  | { readonly type: "retiring"; readonly isRetiring: boolean }
  | { readonly type: "stop"; readonly deadlineMs: number };

/** From an edge to the main thread. */
export type FromEdge =
  | { readonly type: "listening"; readonly port: number }
  | { readonly type: "failed"; readonly reason: string }
  | Question<AskedOfMain>
  | Reply
  | { readonly type: "visits"; readonly batch: VisitBatch }
  | { readonly type: "log"; readonly line: string }
  /** Lines of the access log, without the last newline. */
  | { readonly type: "access"; readonly lines: string }
  | { readonly type: "stopped" };

/** From the main thread to the publisher. */
export type ToPublisher =
  | { readonly type: "start"; readonly config: PublisherConfig }
  | { readonly type: "visits"; readonly id: string; readonly batch: VisitBatch }
  | Question<AskedOfPublisher>
  | { readonly type: "stop"; readonly deadlineMs: number };

/** From the publisher to the main thread. */
export type FromPublisher =
  | { readonly type: "started" }
  | { readonly type: "failed"; readonly reason: string }
  /** A batch is in the hands of every sink's delivery. */
  | { readonly type: "taken"; readonly id: string }
  | Reply
  | { readonly type: "log"; readonly line: string }
  | { readonly type: "stopped" };
