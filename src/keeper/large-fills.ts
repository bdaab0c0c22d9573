/** Begins large fills, which clients follow while they grow, and sees each to its end: kept whole, ended for want of clients, or failed. */

import type { ObjectHead, Origin, OriginObject } from "../origin/origin.ts";
import type { Filled } from "./fill.ts";
import { Growth } from "./growth.ts";
import type { Growths } from "./growths.ts";
import { entryLookup } from "./lookups.ts";
import type { Outcomes, Question } from "./outcomes.ts";
import { Progress } from "./progress.ts";
import type { Lookup } from "./protocol.ts";
import type { EntryTimes, Store } from "./store.ts";

/** What `LargeFills` work with. */
export interface LargeFillsParts {
  readonly origin: Origin;
  readonly store: Store;
  /** Those that are under way. */
  readonly growths: Growths;
  readonly outcomes: Outcomes;
  /** Told of a key whose older copy must no longer be held anywhere. */
  readonly onReplaced: (key: string) => void;
}

/** Large fills from their first bytes to their end. */
export class LargeFills {
  readonly #parts: LargeFillsParts;

  constructor(parts: LargeFillsParts) {
    this.#parts = parts;
  }

  /** Lets clients follow the rest of a large body. */
  begin(
    question: Question,
    head: ObjectHead,
    { body }: OriginObject,
    { draft, bodyBytes }: Extract<Filled, { kind: "growing" }>,
    times: EntryTimes,
  ): Extract<Lookup, { kind: "entry" }> {
    const { origin, store, growths } = this.#parts;
    const { key, status } = question;
    const progress = new Progress();
    const growing = { kind: "growing", fd: draft.fd, progress: progress.buffer, edge: 0 } as const;
    const entry = store.entry(key, head, bodyBytes, growing, times);
    const { etag } = head;
    // RFC 9110 section 13.1.1: If-Match never matches a weak one.
    const askPart =
      etag?.startsWith('"') === true
        ? (part: Parameters<Origin["getPart"]>[2]) => origin.getPart(key, etag, part)
        : undefined;
    const growth = new Growth({ entry, progress, draft, body, askPart });
    // A seat for the question itself, until those who wait for it have theirs.
    progress.join();
    setTimeout(() => progress.leave(), 0);
    // The descriptor is lent to every edge.
    draft.closeAfter(progress.vacated());
    // Its own ticket: the question's ends with the answer.
    const ticket = store.beginFill(key, question.ticket.isValid);
    growths.add(growth, ticket.isValid, this.#finish({ ...question, ticket }, growth));
    return entryLookup(entry, status, true);
  }

  async #finish(question: Question, growth: Growth): Promise<void> {
    const { store, growths, outcomes } = this.#parts;
    const { draft } = growth;
    const { key, ticket } = question;
    const end = await growth.run();
    const { content, storedAtMs, freshUntilMs, expiresAtMs } = growth.entry;
    const times = { storedAtMs, freshUntilMs, expiresAtMs };
    if (end.kind === "whole") {
      outcomes.noteSuccess();
      outcomes.logFetch(question, "object", { bytes: draft.bodyBytes });
      if (growth.isOutdated) await draft.discard();
      const kept = growth.isOutdated ? undefined : await store.keepFile(content.head, draft, times, ticket);
      if (kept !== undefined && question.stored !== undefined) this.#parts.onReplaced(key);
      store.endFill(ticket);
      // Not before: who has had the last byte may count on a hit.
      return growth.progress.end("whole");
    }
    store.endFill(ticket);
    switch (end.kind) {
      case "abandoned":
        outcomes.logFetch(question, "abandoned", { bytes: content.bodyBytes });
        break;
      case "unwritten":
        store.report("write", end.error);
        outcomes.noteNotStored(key, "it can't be written to the cache directory");
        break;
      case "failed":
        growths.fail(growth, end.failure, !outcomes.isWorthRetrying(question, end.failure));
        outcomes.noteFailure(question, end.failure);
        outcomes.noteAnswer(question, end);
        outcomes.logFailure(question, end.failure, "S3 fetch failed midway");
    }
    // Who has had nothing yet asks again, and is told what has just been noted.
    growth.progress.end(end.kind === "unwritten" ? "unwritten" : "failed");
    await draft.discard();
  }
}
