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
  #lastId = 0;

  constructor(send: (message: FromEdge) => void) {
    this.#send = send;
  }

  readiness(): Promise<Readiness> {
    const id = ++this.#lastId;
    const answer = this.#readiness.wait(id);
    this.#send({ type: "ask-readiness", id });
    return answer;
  }

  metrics(): Promise<string> {
    const id = ++this.#lastId;
    const answer = this.#metrics.wait(id);
    this.#send({ type: "ask-metrics", id });
    return answer;
  }

  explain(key: string): Promise<KeyFacts> {
    const id = ++this.#lastId;
    const answer = this.#explanations.wait(id);
    this.#send({ type: "ask-explanation", id, key });
    return answer;
  }

  overview(sinceMs: number): Promise<string> {
    const id = ++this.#lastId;
    const answer = this.#overview.wait(id);
    this.#send({ type: "ask-overview", id, sinceMs });
    return answer;
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
