/** A listener of its own for the proxy's own endpoints: whoever reaches the public one doesn't reach them. */

import type { Log } from "../log/log.ts";
import type { BucketWebsite } from "../origin/website.ts";
import type { EdgeConfig } from "./edge.ts";
import { errorResponse } from "./errors.ts";
import type { Handler } from "./handler.ts";
import { hostCheck } from "./host.ts";
import { type ListenOptions, listen, type RenewableListener } from "./listen.ts";
import { LiveFeed } from "./live-feed.ts";
import { MANAGEMENT_PREFIX, type ManagementParts, manage } from "./management.ts";
import { targetOf } from "./target.ts";
import { websiteOf } from "./website-config.ts";

/** What it is told at its start. */
export interface AdminConfig extends Pick<EdgeConfig, "website" | "bucketWebsite"> {
  /** In the clear, and shared with nobody. */
  readonly listen: ListenOptions;
}

/** One that runs. */
export interface Admin {
  readonly listener: Pick<RenewableListener, "port" | "stop" | "setRetiring">;
  /** The bucket's own website configuration is another one. */
  setBucketWebsite(website: BucketWebsite | undefined): void;
}

const isHost = hostCheck();

/**
 * Starts to listen.
 *
 * @throws where the address can't be had
 */
export function startAdmin(
  config: AdminConfig,
  parts: Omit<ManagementParts, "website" | "live">,
  log: Log,
): Admin {
  let website = websiteOf(config.website, config.bucketWebsite);
  const live = new LiveFeed(parts.operations);
  const handler: Pick<Handler, "answer" | "recover"> = {
    answer(request, waiting, peerOf) {
      const isHead = request.method === "HEAD";
      const host = request.headers.get("host");
      if (host !== null && !isHost(host)) return errorResponse("malformed-host", isHead);
      const path = targetOf(request.url).path;
      if (!path.startsWith(MANAGEMENT_PREFIX)) return errorResponse("missing", isHead);
      return waiting(request, manage(path, request, { ...parts, website, live }, peerOf(request)));
    },
    // No file is sent here.
    recover: () => undefined,
  };
  const listener = listen(config.listen, handler, log);
  return {
    listener: {
      ...listener,
      stop(deadlineMs) {
        live.close();
        return listener.stop(deadlineMs);
      },
    },
    setBucketWebsite(bucketWebsite) {
      website = websiteOf(config.website, bucketWebsite);
    },
  };
}
