/** How the website is served: what the operator says, and what the bucket says where the operator doesn't. */

import type { BucketWebsite, Redirect, RoutingRule } from "../origin/website.ts";

/** What the options say; plain data. */
export interface WebsiteOptions {
  /** A name without a slash; absent where nothing is said. */
  readonly indexDocument: string | undefined;
  /** A key; absent where nothing is said. */
  readonly errorDocument: string | undefined;
  readonly isSpa: boolean;
  readonly isListed: boolean;
}

/** What counts. */
export interface WebsiteConfig {
  /** What a path that ends in a slash means: a name without a slash. */
  readonly indexDocument: string;
  /** The key whose body goes with a 4xx. */
  readonly errorDocument: string | undefined;
  /** True where a path that names nothing is a page of an app, and the index document answers it. */
  readonly isSpa: boolean;
  /** True where a folder without an index document is answered with its names. */
  readonly isListed: boolean;
  /** Present where every request is sent to another host. */
  readonly redirectAll: Redirect | undefined;
  readonly rules: readonly RoutingRule[];
}

const INDEX_DOCUMENT = "index.html";

/** The options with what the bucket says beside them; they win. */
export function websiteOf(options: WebsiteOptions, bucket?: BucketWebsite): WebsiteConfig {
  return {
    ...options,
    indexDocument: options.indexDocument ?? bucket?.indexDocument ?? INDEX_DOCUMENT,
    errorDocument: options.errorDocument ?? bucket?.errorDocument,
    redirectAll: bucket?.redirectAll,
    rules: bucket?.rules ?? [],
  };
}
