/** Questions to another thread whose answers are messages. */

/** Questions of one kind whose answers are on their way, by number. */
export class Questions<Answer> {
  readonly #open = new Map<number, (answer: Answer) => void>();

  #lastId = 0;

  /** Sends a question with a number that no other of its kind has. Resolves with the answer. */
  ask(send: (id: number) => void): Promise<Answer> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#open.set(id, resolve);
    send(id);
    return promise;
  }

  /** No answers come any more: each that is open has this one. */
  answerAll(answer: Answer): void {
    for (const id of this.#open.keys()) this.answer(id, answer);
  }

  /** The answer has come. */
  answer(id: number, answer: Answer): void {
    this.#open.get(id)?.(answer);
    this.#open.delete(id);
  }
}
