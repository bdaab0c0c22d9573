/** What an operator may ask of the whole process, asked by an edge on another thread. */

import type { Operations } from "../telemetry/operations.ts";
import type { Readiness } from "../telemetry/readiness.ts";
import type { FromEdge } from "./messages.ts";
import { Questions } from "./remote-keeper.ts";

/** Asks by message. */
export class RemoteOperations implements Operations {
  readonly #send: (message: FromEdge) => void;
  readonly #readiness = new Questions<Readiness>();
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

  /** The answer about readiness. */
  foundReadiness(id: number, readiness: Readiness): void {
    this.#readiness.answer(id, readiness);
  }
}
