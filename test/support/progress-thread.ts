/** A thread with its own view of a `Progress`, for tests of what two threads see of each other. */

import { Progress } from "../../src/keeper/progress.ts";

declare const self: Worker;

/** What the thread is asked to do. */
export type ProgressOrder =
  /** Says what it sees of the first bytes, again after every change, until the end. */
  | { readonly kind: "follow"; readonly buffer: SharedArrayBuffer }
  /** Takes a seat and gives it back, again and again until the end. */
  | { readonly kind: "sit"; readonly buffer: SharedArrayBuffer }
  /** Gives a seat back that was taken for it. */
  | { readonly kind: "leave"; readonly buffer: SharedArrayBuffer };

/** What it says: up to where bytes are there, or what has become of the order. */
export type ProgressNews = { readonly until: number } | { readonly done: string };

const say = (news: ProgressNews) => self.postMessage(news);

async function follow(progress: Progress): Promise<void> {
  for (;;) {
    const { mark, state } = progress;
    say({ until: progress.readableUntil(0) });
    if (state !== "arriving") return say({ done: state });
    await progress.changedSince(mark);
  }
}

function sit(progress: Progress): void {
  say({ done: "sitting" });
  while (progress.state === "arriving") if (progress.join()) progress.leave();
  say({ done: "sat" });
}

self.onmessage = ({ data }: MessageEvent<ProgressOrder>) => {
  const progress = new Progress(data.buffer);
  if (data.kind === "follow") void follow(progress);
  else if (data.kind === "sit") sit(progress);
  else progress.leave();
};
