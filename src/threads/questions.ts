/** Questions from one thread to another, and their answers, as messages. What may be asked is an interface's methods. */

/** The methods of an interface that may be asked for. */
type KindOf<Asked> = keyof Asked & string;
type ArgumentsOf<Method> = Method extends (...args: infer Arguments) => unknown ? Arguments : never;
type AnswerOf<Method> = Method extends (...args: never[]) => infer Answer ? Awaited<Answer> : never;

/** A question to another thread: a method of `Asked` and what it is called with. */
export interface Question<Asked> {
  readonly type: "ask";
  /** No other of the same thread has it. */
  readonly id: number;
  readonly kind: KindOf<Asked>;
  readonly args: readonly unknown[];
}

/** What became of a question. */
export type Reply =
  | { readonly type: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly type: "refusal"; readonly id: number; readonly reason: string };

/** Asks another thread. */
export class Asker<Asked> {
  readonly #send: (question: Question<Asked>) => void;
  readonly #open = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;
  #ended: string | undefined;

  constructor(send: (question: Question<Asked>) => void) {
    this.#send = send;
  }

  /** Rejects where the other side throws or has ended. */
  ask<Kind extends KindOf<Asked>>(
    kind: Kind,
    ...args: ArgumentsOf<Asked[Kind]>
  ): Promise<AnswerOf<Asked[Kind]>> {
    const id = ++this.#lastId;
    const open = Promise.withResolvers<unknown>();
    this.#open.set(id, open);
    if (this.#ended === undefined) this.#send({ type: "ask", id, kind, args });
    else this.end(this.#ended);
    // The other side answers by the same interface.
    return open.promise as Promise<AnswerOf<Asked[Kind]>>;
  }

  /** As `ask`; resolves to `otherwise` where there is no answer, or none within `deadlineMs`. */
  async askWithin<Kind extends KindOf<Asked>>(
    deadlineMs: number,
    otherwise: AnswerOf<Asked[Kind]>,
    kind: Kind,
    ...args: ArgumentsOf<Asked[Kind]>
  ): Promise<AnswerOf<Asked[Kind]>> {
    const answer = this.ask(kind, ...args);
    const id = this.#lastId;
    const timer = setTimeout(
      () => this.take({ type: "refusal", id, reason: "No answer in time" }),
      deadlineMs,
    );
    timer.unref();
    try {
      return await answer;
    } catch {
      return otherwise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** A reply has come. */
  take(reply: Reply): void {
    const open = this.#open.get(reply.id);
    this.#open.delete(reply.id);
    if (reply.type === "answer") open?.resolve(reply.answer);
    else open?.reject(new Error(reply.reason));
  }

  /** No replies come any more, to what is asked later neither. */
  end(reason: string): void {
    this.#ended = reason;
    for (const id of [...this.#open.keys()]) this.take({ type: "refusal", id, reason });
  }
}

/** Answers questions by calling what was asked for. */
export async function answerTo<Asked>(
  { id, kind, args }: Question<Asked>,
  asked: Asked,
  send: (reply: Reply) => void,
): Promise<void> {
  try {
    // The other side asks by the same interface.
    const method = asked[kind] as (...args: unknown[]) => unknown;
    send({ type: "answer", id, answer: await method.apply(asked, [...args]) });
  } catch (error) {
    send({ type: "refusal", id, reason: (error as Error).message });
  }
}
