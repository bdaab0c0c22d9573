/** What an operator may ask of the whole process. The main thread answers; to an edge on another thread it is messages. */

import type { KeyFacts } from "../keeper/key-facts.ts";
import type { Readiness } from "./readiness.ts";

/** The questions. */
export interface Operations {
  /** Whether requests can be answered. Never rejects. */
  readiness(): Promise<Readiness>;
  /** Everything that is measured, in Prometheus' text format. Never rejects. */
  metrics(): Promise<string>;
  /** What is known of a key. Asks S3 nothing and changes nothing. Never rejects. */
  explain(key: string): Promise<KeyFacts>;
  /**
   * What the dashboard shows, as JSON. Never rejects.
   *
   * @param sinceMs points of the charts that are later than this are in it, milliseconds since the epoch
   */
  overview(sinceMs: number): Promise<string>;
}
