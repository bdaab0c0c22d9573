import { describe, expect, test } from "bun:test";
import { Asker, answerTo, type Question, type Reply } from "./questions.ts";

interface Sums {
  sum(one: number, other: number): number;
  later(of: Promise<number>): Promise<number>;
}

/** One who asks, and what it has sent. */
function askerOf() {
  const sent: Question<Sums>[] = [];
  return { sent, asker: new Asker<Sums>((question) => sent.push(question)) };
}

const sums: Sums = {
  sum(one, other) {
    if (this !== sums) throw new Error("Called without its object");
    if (Number.isNaN(one)) throw new Error("Not a number");
    return one + other;
  },
  later: (of) => of,
};

/** What is replied to a question. */
async function replyTo(question: Question<Sums>): Promise<Reply> {
  const replies: Reply[] = [];
  await answerTo(question, sums, (reply) => replies.push(reply));
  return replies[0]!;
}

describe("questions", () => {
  test("have the answers to them, in whatever order these come", async () => {
    const { asker, sent } = askerOf();
    const answers = [asker.ask("sum", 1, 2), asker.ask("later", Promise.resolve(7)), asker.ask("sum", 3, 4)];
    for (const question of sent.toReversed()) asker.take(await replyTo(question));
    expect(await Promise.all(answers)).toEqual([3, 7, 7]);
  });

  test("reject where the other side throws, at once or later", async () => {
    const { asker, sent } = askerOf();
    const failure = Promise.reject(new Error("Too late"));
    const answers = [asker.ask("sum", Number.NaN, 2), asker.ask("later", failure)];
    for (const question of sent) asker.take(await replyTo(question));
    const reasons = (await Promise.allSettled(answers)).map(
      (each) => each.status === "rejected" && each.reason,
    );
    expect(reasons.map(String)).toEqual(["Error: Not a number", "Error: Too late"]);
  });

  test("reject where the other side ends before the answer, or has ended", async () => {
    const { asker, sent } = askerOf();
    const answered = asker.ask("sum", 1, 2);
    asker.take(await replyTo(sent[0]!));
    const open = [asker.ask("sum", 3, 4), asker.ask("sum", 5, 6)];
    asker.end("it ended");
    const late = asker.ask("sum", 7, 8);
    const states = await Promise.allSettled([answered, ...open, late]);
    expect(states.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "rejected"]);
    expect(sent.length).toBe(3);
  });

  test("that may not wait for long have something else instead of a late answer or none", async () => {
    const { asker, sent } = askerOf();
    const late = asker.askWithin(1, -1, "sum", 1, 2);
    expect(await late).toBe(-1);
    asker.take(await replyTo(sent[0]!));
    const inTime = asker.askWithin(60_000, -1, "sum", 1, 2);
    asker.take(await replyTo(sent[1]!));
    expect(await inTime).toBe(3);
    const ended = asker.askWithin(60_000, -1, "sum", 1, 2);
    asker.end("it ended");
    expect(await ended).toBe(-1);
  });
});
