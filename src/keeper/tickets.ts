/** Permission to keep what a fill comes to, so that a clear wins over what has begun before it. */

import { covers } from "./lookups.ts";
import type { ClearScope } from "./protocol.ts";

/** Taken before S3 is asked; a clear of its key takes it away. */
export interface Ticket {
  readonly key: string;
  readonly isValid: boolean;
}

/** All that are out. */
export class Tickets {
  readonly #out = new Set<{ readonly key: string; isValid: boolean }>();

  /** To be given back by `end`. */
  begin(key: string, isValid = true): Ticket {
    const ticket = { key, isValid };
    this.#out.add(ticket);
    return ticket;
  }

  /** Nothing more is kept by this ticket. */
  end(ticket: Ticket): void {
    this.#out.delete(ticket);
  }

  /** What has been begun of the keys a clear is about is not kept when it comes. */
  cancel(scope: ClearScope | undefined): void {
    for (const ticket of this.#out) if (covers(scope, ticket.key)) ticket.isValid = false;
  }
}
