/** What is measured of a node among others, as Prometheus' families. */

import type { ClusterState, CopiesState, EventCounts } from "../cluster/cluster-state.ts";
import { counter, type Family, gauge, type Sample } from "./exposition.ts";

/** These families, in the order in which they are shown. */
export function clusterFamilies(state: ClusterState): Family[] {
  return [
    gauge("s3proxy_cluster_connected", "1 while other nodes are followed, 0 while this one is alone.", [
      { value: state.isTogether ? 1 : 0 },
    ]),
    counter("s3proxy_cluster_sent_events_total", "What other nodes were told.", byKind(state.sent)),
    counter("s3proxy_cluster_received_events_total", "What other nodes have told.", byKind(state.received)),
    gauge("s3proxy_cluster_waiting_events", "What other nodes are still to be told.", byKind(state.waiting)),
    counter("s3proxy_cluster_dropped_versions_total", "Versions that had no room to wait.", [
      { value: state.droppedVersions },
    ]),
    counter("s3proxy_cluster_catch_ups_total", "How often what was missed has been made up for, and how.", [
      { labels: { by: "reading" }, value: state.resumed },
      { labels: { by: "clearing" }, value: state.startedOver },
    ]),
    counter("s3proxy_cluster_reconnects_total", "How often other nodes were followed again.", [
      { value: state.reconnects },
    ]),
    counter("s3proxy_cluster_errors_total", "Attempts to connect to Redis, and connections, that failed.", [
      { value: state.failures },
    ]),
    ...(state.copies === undefined ? [] : copyFamilies(state.copies)),
  ];
}

function copyFamilies({ isUsable, reads, writes, waiting }: CopiesState): Family[] {
  return [
    gauge(
      "s3proxy_redis_cache_usable",
      "1 while Redis is asked for copies of other nodes, 0 while it isn't.",
      [{ value: isUsable ? 1 : 0 }],
    ),
    counter("s3proxy_redis_cache_reads_total", "Questions to Redis for copies, by result.", byResult(reads)),
    counter(
      "s3proxy_redis_cache_writes_total",
      "Copies that were to be left in Redis, by result.",
      byResult(writes),
    ),
    gauge("s3proxy_redis_cache_waiting_writes", "Copies that wait to be left in Redis.", [
      { value: waiting },
    ]),
  ];
}

function byResult(counts: CopiesState["reads"] | CopiesState["writes"]): Sample[] {
  return Object.entries(counts).map(([result, value]) => ({ labels: { result }, value }));
}

function byKind({ clears, versions }: EventCounts): Sample[] {
  return [
    { labels: { kind: "clear" }, value: clears },
    { labels: { kind: "version" }, value: versions },
  ];
}
