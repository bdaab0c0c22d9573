/** Questions to another thread whose answers are messages. */

/** Questions of one kind whose answers are on their way, by number. */
export class Questions<Answer> {
  readonly #open = new Map<number, (answer: Answer) => void>();

  /** Resolves with the answer. */
  wait(id: number): Promise<Answer> {
    return new Promise((resolve) => this.#open.set(id, resolve));
  }

  /** The answer has come. */
  answer(id: number, answer: Answer): void {
    this.#open.get(id)?.(answer);
    this.#open.delete(id);
  }
}
