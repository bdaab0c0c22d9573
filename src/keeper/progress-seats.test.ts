import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ProgressNews, ProgressOrder } from "../../test/support/progress-thread.ts";
import { isSettled } from "../../test/support/turns.ts";
import { Progress } from "./progress.ts";

describe("seats", () => {
  test("are counted, and none is to be had once it was closed", () => {
    const progress = new Progress();
    expect([progress.join(), progress.join(), progress.seats]).toEqual([true, true, 2]);
    expect(progress.close()).toBe(false);
    expect(progress.join()).toBe(true);
    for (let left = 3; left > 0; left--) progress.leave();
    expect(progress.seats).toBe(0);
    expect(progress.close()).toBe(true);
    expect([progress.join(), new Progress(progress.buffer).join(), progress.close()]).toEqual([
      false,
      false,
      false,
    ]);
  });
  test.each([
    ["is taken", (progress: Progress) => progress.join(), 1],
    ["is given back", (progress: Progress) => progress.leave(), 0],
  ])("are told of when one %s, and not before", async (_, change, left) => {
    const progress = new Progress();
    if (left === 0) progress.join();
    const told = progress.seatsChangedSince(progress.seats);
    expect(await isSettled(told)).toBe(false);
    change(progress);
    await told;
    expect(progress.seats).toBe(left);
  });
  test("who waits for another number of them is told of the end too, and of the closing", async () => {
    const changes = [
      (progress: Progress) => progress.end("failed"),
      (progress: Progress) => progress.close(),
    ];
    for (const change of changes) {
      const one = new Progress();
      const told = one.seatsChangedSince(0);
      expect(await isSettled(told)).toBe(false);
      change(one);
      await told;
    }
  });
  test("leaveAtEnd keeps one until the end", async () => {
    const progress = new Progress();
    progress.open(0, 10);
    progress.join();
    const left = progress.leaveAtEnd();
    progress.advance(0, 10);
    expect(await isSettled(left)).toBe(false);
    expect(progress.seats).toBe(1);
    progress.end("whole");
    await left;
    expect(progress.seats).toBe(0);
  });
  test("vacated waits for the end and for the last seat, and closes", async () => {
    for (const steps of [
      ["leave", "end"],
      ["end", "leave"],
      ["leave", "close", "end"],
    ]) {
      const progress = new Progress();
      progress.join();
      const vacated = progress.vacated();
      for (const step of steps) {
        expect(await isSettled(vacated)).toBe(false);
        if (step === "end") progress.end("failed");
        else if (step === "close") progress.close();
        else progress.leave();
      }
      await vacated;
      expect(progress.join()).toBe(false);
    }
  });
});

describe("the seats of an edge", () => {
  test("are given back when its thread has ended: all of them, and nobody else's", () => {
    const main = new Progress();
    const [two, five] = [2, 5].map((edge) => new Progress(main.buffer, edge)) as [Progress, Progress];
    for (const one of [main, two, two, two, five]) one.join();
    two.leave();
    expect(main.seats).toBe(4);
    const left = [2, 2, 5, 7, 0].map((edge) => {
      main.vacate(edge);
      return main.seats;
    });
    expect(left).toEqual([2, 2, 1, 1, 0]);
  });
  test("may have been taken by another for it", () => {
    const main = new Progress();
    for (let taken = 0; taken < 3; taken++) main.join();
    main.giveTo(2);
    expect(main.seats).toBe(3);
    main.vacate(0);
    expect(main.seats).toBe(1);
    new Progress(main.buffer, 2).leave();
    main.vacate(2);
    expect(main.seats).toBe(0);
  });
  test("are told of when they are given back", async () => {
    const main = new Progress();
    new Progress(main.buffer, 2).join();
    const told = main.seatsChangedSince(1);
    expect(await isSettled(told)).toBe(false);
    main.vacate(2);
    await told;
  });
});

describe("on two threads", () => {
  let thread: Worker;
  beforeAll(() => {
    thread = new Worker(new URL("../../test/support/progress-thread.ts", import.meta.url));
  });
  afterAll(() => thread.terminate());
  const order = (it: ProgressOrder) => thread.postMessage(it);
  /** The next that the thread says of which this is true. */
  const heard = (isIt: (news: ProgressNews) => boolean) =>
    new Promise<ProgressNews>((resolve) => {
      const listen = ({ data }: MessageEvent<ProgressNews>) => {
        if (!isIt(data)) return;
        thread.removeEventListener("message", listen);
        resolve(data);
      };
      thread.addEventListener("message", listen);
    });

  test("bytes, and the end, wake who waits for them on the other", async () => {
    const progress = new Progress();
    progress.open(0, 3000);
    const first = heard((news) => "until" in news && news.until === 0);
    order({ kind: "follow", buffer: progress.buffer });
    await first;
    for (const end of [1000, 2000, 3000]) {
      const seen = heard((news) => "until" in news && news.until === end);
      progress.advance(0, end);
      await seen;
    }
    const done = heard((news) => "done" in news);
    progress.end("whole");
    expect(await done).toEqual({ done: "whole" });
  });
  test("no seat is lost or won where both take and give at once", async () => {
    const progress = new Progress();
    const begun = heard((news) => "done" in news && news.done === "sitting");
    order({ kind: "sit", buffer: progress.buffer });
    await begun;
    for (let time = 0; time < 1_000_000; time++) {
      progress.join();
      progress.leave();
    }
    const done = heard((news) => "done" in news && news.done === "sat");
    progress.end("whole");
    await done;
    expect(progress.seats).toBe(0);
  });
  test("the last one who leaves on the other vacates it", async () => {
    const progress = new Progress();
    progress.join();
    progress.end("whole");
    const vacated = progress.vacated();
    expect(await isSettled(vacated)).toBe(false);
    order({ kind: "leave", buffer: progress.buffer });
    await vacated;
    expect(progress.join()).toBe(false);
  });
});
