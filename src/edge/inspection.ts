/** What an operator and his programs may look at: whether the program lives, and whether it can serve. */

import { EXPOSITION_TYPE } from "../telemetry/exposition.ts";
import type { Operations } from "../telemetry/operations.ts";
import { json, own } from "./own-answers.ts";

/** What these endpoints need. */
export interface InspectionParts {
  readonly operations: Operations;
}

/** The program answers, so it lives; what it could serve is not asked. */
export async function inspectHealth(): Promise<Response> {
  return json(200, { alive: true });
}

/** 200 where S3 answers or the cache can serve, else 503; which of the two, and whether other nodes are followed. */
export async function inspectReadiness(_: Request, { operations }: InspectionParts): Promise<Response> {
  const { isReady, isOriginAnswering, originAnsweredSecondsAgo, canCacheServe, isDirectoryAwaited, cluster } =
    await operations.readiness();
  return json(isReady ? 200 : 503, {
    ready: isReady,
    s3: { answering: isOriginAnswering, answeredSecondsAgo: originAnsweredSecondsAgo },
    cache: { canServe: canCacheServe, directoryAwaited: isDirectoryAwaited },
    cluster: cluster && { connected: cluster.isTogether, forSeconds: cluster.seconds },
  });
}

/** Everything that is measured, for Prometheus. */
export async function inspectMetrics(_: Request, { operations }: InspectionParts): Promise<Response> {
  return own(200, EXPOSITION_TYPE, await operations.metrics());
}
