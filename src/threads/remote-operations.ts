/** What an operator may ask of the whole process, asked by an edge on another thread. */

import type { KeyFacts } from "../keeper/key-facts.ts";
import type { Operations } from "../telemetry/operations.ts";
import type { Readiness } from "../telemetry/readiness.ts";
import type { FromEdge } from "./messages.ts";
import { Questions } from "./questions.ts";

/** Asks by message. */
export class RemoteOperations implements Operations {
  readonly #send: (message: FromEdge) => void;
  readonly #readiness = new Questions<Readiness>();
  readonly #metrics = new Questions<string>();
  readonly #explanations = new Questions<KeyFacts>();
  readonly #overview = new Questions<string>();

  constructor(send: (message: FromEdge) => void) {
    this.#send = send;
  }

  readiness(): Promise<Readiness> {
    return this.#readiness.ask((id) => this.#send({ type: "ask-readiness", id }));
  }

  metrics(): Promise<string> {
    return this.#metrics.ask((id) => this.#send({ type: "ask-metrics", id }));
  }

  explain(key: string): Promise<KeyFacts> {
    return this.#explanations.ask((id) => this.#send({ type: "ask-explanation", id, key }));
  }

  overview(sinceMs: number): Promise<string> {
    return this.#overview.ask((id) => this.#send({ type: "ask-overview", id, sinceMs }));
  }

  /** The answer about readiness. */
  foundReadiness(id: number, readiness: Readiness): void {
    this.#readiness.answer(id, readiness);
  }

  /** The answer about what is measured. */
  foundMetrics(id: number, text: string): void {
    this.#metrics.answer(id, text);
  }

  /** The answer about a key. */
  explained(id: number, facts: KeyFacts): void {
    this.#explanations.answer(id, facts);
  }

  /** What the dashboard shows. */
  foundOverview(id: number, text: string): void {
    this.#overview.answer(id, text);
  }
}
