/**
 * Loaded into each serving thread by `held-answer-preload.ts`. A request for `?thread` is answered with the thread's number. The answer
 * to one for `?hold` is made, and then the whole thread stands still, before Bun has seen the answer: a file `held` in the directory
 * `HOLD_DIRECTORY` says so, and one `released` ends it.
 */

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { threadId } from "node:worker_threads";

type Fetch = (request: Request) => Response | Promise<Response>;

const directory = process.env.HOLD_DIRECTORY ?? "";
const { serve } = Bun;

function standStill(): void {
  writeFileSync(join(directory, "held"), "");
  while (!existsSync(join(directory, "released"))) Bun.sleepSync(1);
}

Bun.serve = ((options: { readonly fetch: Fetch }) => {
  const fetch: Fetch = (request) => {
    if (request.url.endsWith("?thread")) return new Response(String(threadId));
    const answer = options.fetch(request);
    if (request.url.endsWith("?hold")) standStill();
    return answer;
  };
  return serve({ ...options, fetch } as never);
}) as typeof Bun.serve;
