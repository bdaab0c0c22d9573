/** What is known of a request and its answer, and who is told of it. */

import type { RecordedVisit } from "../metrics/batch.ts";
import type { HotEntry } from "./hot-map.ts";

/** A request and its answer, in the terms of a visit. The handler fills in what it has read anyway, the watch the rest. */
export class Exchange implements RecordedVisit {
  readonly request: Request;
  readonly ipAddress: string;
  readonly startedNs: number;
  method = "";
  resource = "";
  mimeType: string | undefined = undefined;
  sizeBytes = 0;
  timeNs = 0;
  status = 0;
  isCompressed = false;
  /** The observer that is told of some requests only is told of this one. */
  isPicked = false;
  cacheStatus = "";
  /** The edge's own copy that the answer was made from. */
  hot: HotEntry | undefined = undefined;

  /**
   * @param ipAddress whose request it is; empty where nobody wants to know
   * @param startedNs when it came, by the edge's clock
   */
  constructor(request: Request, ipAddress: string, startedNs: number) {
    this.request = request;
    this.ipAddress = ipAddress;
    this.startedNs = startedNs;
  }
}

/** Keeps note of requests in a way of its own. */
export interface Observer {
  /** Present where it doesn't look at whose request it is: where nobody does, that isn't found out, for it costs a system call. */
  readonly isBlind?: true;
  /**
   * Present where it is told of some requests only; of all observers one may do so. Asked once of each request, when it comes.
   *
   * @param startedNs when that was, by the edge's clock
   */
  picks?(startedNs: number): boolean;
  /**
   * Is told of every request once, when nothing about its answer is open any more: of a stream when its last byte is handed over or it is
   * given up. It is called while answers are made: it must not throw, and waits for nothing.
   */
  see(exchange: Exchange, response: Response): void;
}
