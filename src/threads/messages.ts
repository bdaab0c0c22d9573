/** The messages between the main thread, where the keeper is, and the threads of the edges and the publisher. */

import type { EdgeConfig, EdgeSettings } from "../edge/edge.ts";
import type { Coding } from "../http/coding.ts";
import type { KeyFacts } from "../keeper/key-facts.ts";
import type { Cleared, ClearScope, GrowingEntry, ListLookup, Lookup, Seek } from "../keeper/protocol.ts";
import type { Level } from "../log/log.ts";
import type { VisitBatch } from "../metrics/batch.ts";
import type { PublisherConfig } from "../metrics/publisher-config.ts";
import type { SinkState } from "../metrics/sink-state.ts";
import type { VisitSummary } from "../metrics/visit-tally.ts";
import type { Part } from "../origin/origin.ts";
import type { BucketWebsite } from "../origin/website.ts";
import type { Readiness } from "../telemetry/readiness.ts";
import type { Certificate } from "../tls/certificate.ts";

/** From the main thread to an edge. Messages arrive in the order they were sent. */
export type ToEdge =
  | {
      readonly type: "start";
      readonly config: EdgeConfig;
      readonly uses: SharedArrayBuffer;
      readonly counters: SharedArrayBuffer;
    }
  | { readonly type: "found"; readonly id: number; readonly lookup: Lookup }
  | { readonly type: "listed"; readonly id: number; readonly lookup: ListLookup }
  | { readonly type: "sought"; readonly id: number; readonly seek: Seek }
  | { readonly type: "represented"; readonly id: number; readonly isAtHand: boolean }
  | { readonly type: "cleared"; readonly id: number; readonly cleared: Cleared | undefined }
  | { readonly type: "readiness"; readonly id: number; readonly readiness: Readiness }
  | { readonly type: "metrics"; readonly id: number; readonly text: string }
  | { readonly type: "explained"; readonly id: number; readonly facts: KeyFacts }
  | { readonly type: "overview"; readonly id: number; readonly text: string }
  | { readonly type: "drop"; readonly keys: readonly string[] }
  | { readonly type: "drop-all"; readonly id: number }
  | { readonly type: "close-idle"; readonly id: number }
  | { readonly type: "website"; readonly website: BucketWebsite | undefined }
  | { readonly type: "settings"; readonly id: number; readonly settings: EdgeSettings }
  | { readonly type: "renew"; readonly certificate: Certificate }
  | { readonly type: "retiring"; readonly isRetiring: boolean }
  | { readonly type: "stop"; readonly deadlineMs: number };

/** From an edge to the main thread. */
export type FromEdge =
  | { readonly type: "listening"; readonly port: number }
  | { readonly type: "failed"; readonly reason: string }
  | {
      readonly type: "lookup";
      readonly id: number;
      readonly key: string;
      readonly unusable: number | undefined;
    }
  | {
      readonly type: "seek";
      readonly id: number;
      readonly entry: GrowingEntry;
      readonly part: Part;
      readonly isUnreadable: boolean;
    }
  | {
      readonly type: "represent";
      readonly id: number;
      readonly key: string;
      readonly generation: number;
      readonly coding: Coding;
    }
  | {
      readonly type: "list";
      readonly id: number;
      readonly prefix: string;
      readonly token: string | undefined;
    }
  | { readonly type: "clear"; readonly id: number; readonly scope: ClearScope | undefined }
  | { readonly type: "ask-readiness"; readonly id: number }
  | { readonly type: "ask-metrics"; readonly id: number }
  | { readonly type: "ask-explanation"; readonly id: number; readonly key: string }
  | { readonly type: "ask-overview"; readonly id: number; readonly sinceMs: number }
  | { readonly type: "dropped-all"; readonly id: number }
  | { readonly type: "settings-taken"; readonly id: number }
  | { readonly type: "closed-idle"; readonly id: number; readonly connections: number }
  | { readonly type: "visits"; readonly batch: VisitBatch }
  | { readonly type: "log"; readonly line: string }
  /** Lines of the access log, without the last newline. */
  | { readonly type: "access"; readonly lines: string }
  | { readonly type: "stopped" };

/** From the main thread to the publisher. */
export type ToPublisher =
  | { readonly type: "start"; readonly config: PublisherConfig }
  | { readonly type: "visits"; readonly id: string; readonly batch: VisitBatch }
  | { readonly type: "level"; readonly level: Level }
  | { readonly type: "state"; readonly id: number }
  | { readonly type: "summarise"; readonly id: number }
  | { readonly type: "stop"; readonly deadlineMs: number };

/** From the publisher to the main thread. */
export type FromPublisher =
  | { readonly type: "started" }
  | { readonly type: "failed"; readonly reason: string }
  /** A batch is in the hands of every sink's delivery. */
  | { readonly type: "taken"; readonly id: string }
  | { readonly type: "level-taken" }
  | { readonly type: "state"; readonly id: number; readonly sinks: readonly SinkState[] }
  | { readonly type: "summary"; readonly id: number; readonly summary: VisitSummary | undefined }
  | { readonly type: "log"; readonly line: string }
  | { readonly type: "stopped" };
