/** Everything that is measured, as Prometheus' families. Names follow https://prometheus.io/docs/practices/naming/. */

import type { ClusterState } from "../cluster/cluster-state.ts";
import type { CacheFacts } from "../keeper/cache-facts.ts";
import type { PublishingState } from "../metrics/sink-state.ts";
import { clusterFamilies } from "./cluster-families.ts";
import type { Counters } from "./counters.ts";
import { counter, type Family, gauge } from "./exposition.ts";
import { ORIGIN_OUTCOMES } from "./origin-counters.ts";
import type { RequestCounters } from "./request-counters.ts";

/** What is known of the process. */
export interface ProcessState {
  readonly version: string;
  readonly bunVersion: string;
  readonly threads: number;
  readonly connections: number;
  readonly mostConnections: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly startedAtSeconds: number;
  readonly openDescriptors: number;
  readonly mostDescriptors: number | undefined;
}

/** What the families are made of. */
export interface Measured {
  /** The sum of all threads'. */
  readonly counters: Counters;
  /** Milliseconds since the epoch, 0 for never. */
  readonly originAnsweredAtMs: number;
  readonly cache: CacheFacts;
  /** Absent where visits aren't stored. */
  readonly publishing: PublishingState | undefined;
  /** Absent where this is the only node. */
  readonly cluster: ClusterState | undefined;
  readonly process: ProcessState;
}

/** All families, in the order in which they are shown. */
export function familiesOf(measured: Measured): Family[] {
  const { counters, cache, publishing, cluster, process } = measured;
  return [
    ...requestFamilies(counters.requests),
    ...originFamilies(measured),
    ...cacheFamilies(cache, counters.requests),
    ...(publishing === undefined ? [] : visitFamilies(publishing)),
    ...(cluster === undefined ? [] : clusterFamilies(cluster)),
    ...processFamilies(process),
  ];
}

function requestFamilies(requests: RequestCounters): Family[] {
  const samples = requests
    .counts()
    .map(({ method, code, cache, count }) => ({ labels: { method, code, cache }, value: count }));
  const labelled = (all: ReturnType<RequestCounters["durations"]>) =>
    all.map(({ cache, histogram }) => ({ labels: { cache }, histogram }));
  return [
    counter("s3proxy_http_requests_total", "Requests that were answered.", samples),
    {
      name: "s3proxy_http_request_duration_seconds",
      help: "From a request to its answer, of a stream to its end, by how the cache took part.",
      type: "histogram",
      histograms: labelled(requests.durations()),
    },
    {
      name: "s3proxy_http_response_size_bytes",
      help: "Bodies of answers as they were sent, by how the cache took part.",
      type: "histogram",
      histograms: labelled(requests.sizes()),
    },
  ];
}

function originFamilies({ counters: { origin }, originAnsweredAtMs }: Measured): Family[] {
  const samples = ORIGIN_OUTCOMES.map((outcome) => ({ labels: { outcome }, value: origin.countOf(outcome) }));
  return [
    counter("s3proxy_origin_requests_total", "Requests to S3 by what came of them.", samples),
    {
      name: "s3proxy_origin_request_duration_seconds",
      help: "From a request to S3 to the first byte of its answer, or to the failure.",
      type: "histogram",
      histograms: [{ histogram: origin.durations }],
    },
    counter("s3proxy_origin_received_bytes_total", "Bytes of bodies that came from S3.", [
      { value: origin.receivedBytes },
    ]),
    gauge("s3proxy_origin_last_answer_timestamp_seconds", "When S3 last answered without failing.", [
      { value: originAnsweredAtMs / 1000 },
    ]),
  ];
}

function cacheFamilies(
  { memory, disk, directoryErrors, isDirectoryAwaited, ...entries }: CacheFacts,
  requests: RequestCounters,
): Family[] {
  const byTier = (of: "bytes" | "mostBytes" | "evictions") => [
    { labels: { tier: "memory" }, value: memory[of] },
    { labels: { tier: "disk" }, value: disk[of] },
  ];
  return [
    gauge("s3proxy_cache_bytes", "Bytes that the cache holds.", byTier("bytes")),
    gauge("s3proxy_cache_limit_bytes", "Bytes that the cache may hold.", byTier("mostBytes")),
    gauge("s3proxy_cache_entries", "What the cache knows, by kind.", [
      { labels: { kind: "object" }, value: entries.objects },
      { labels: { kind: "representation" }, value: entries.representations },
      { labels: { kind: "negative" }, value: entries.negatives },
    ]),
    gauge("s3proxy_cache_directory_awaited", "1 while another s3proxy still has the cache directory.", [
      { value: isDirectoryAwaited ? 1 : 0 },
    ]),
    counter("s3proxy_cache_evictions_total", "What had to go to make room.", byTier("evictions")),
    counter("s3proxy_cache_directory_errors_total", "What could not be done in the cache directory.", [
      { labels: { operation: "read" }, value: directoryErrors.read },
      { labels: { operation: "write" }, value: directoryErrors.write },
    ]),
    gauge(
      "s3proxy_cache_hit_ratio",
      "Share of answers, and of their bytes, that were hits since the start.",
      [
        { labels: { by: "requests" }, value: hitRatio(requests, "count") },
        { labels: { by: "bytes" }, value: hitRatio(requests, "sum") },
      ],
    ),
  ];
}

/** Of the answers in which the cache took part; 0 where there were none. A stale answer comes from the cache too. */
function hitRatio(requests: RequestCounters, of: "count" | "sum"): number {
  let hits = 0;
  let all = 0;
  for (const { cache, histogram } of requests.sizes()) {
    if (cache === "none") continue;
    all += histogram[of];
    if (cache === "hit" || cache === "stale") hits += histogram[of];
  }
  return all === 0 ? 0 : hits / all;
}

function visitFamilies({ batchesUnderWay, dropped, sinks }: PublishingState): Family[] {
  const bySink = (of: "waiting" | "spooled" | "spoolBytes" | "delivered" | "lost") =>
    sinks.map((state) => ({ labels: { sink: state.sink }, value: state[of] }));
  return [
    gauge("s3proxy_publisher_waiting_batches", "Batches of visits that the publisher hasn't taken yet.", [
      { value: batchesUnderWay },
    ]),
    counter(
      "s3proxy_publisher_dropped_visits_total",
      "Visits that were lost before the publisher took them.",
      [{ value: dropped }],
    ),
    gauge(
      "s3proxy_sink_up",
      "1 while a sink takes visits, 0 while it doesn't and they wait.",
      sinks.map(({ sink, failingSinceMs }) => ({
        labels: { sink },
        value: failingSinceMs === undefined ? 1 : 0,
      })),
    ),
    gauge("s3proxy_sink_waiting_visits", "Visits that wait in memory for a sink.", bySink("waiting")),
    gauge("s3proxy_sink_spooled_visits", "Visits that wait on disk for a sink.", bySink("spooled")),
    gauge("s3proxy_sink_spool_bytes", "Bytes of a sink's spool.", bySink("spoolBytes")),
    counter("s3proxy_sink_delivered_visits_total", "Visits that a sink has taken.", bySink("delivered")),
    counter(
      "s3proxy_sink_dropped_visits_total",
      "Visits that were lost on the way to a sink.",
      bySink("lost"),
    ),
  ];
}

function processFamilies(process: ProcessState): Family[] {
  const { version, bunVersion, mostDescriptors } = process;
  return [
    gauge("s3proxy_build_info", "The program's version and that of its runtime.", [
      { labels: { version, bun: bunVersion }, value: 1 },
    ]),
    gauge("s3proxy_threads", "Serving threads.", [{ value: process.threads }]),
    gauge("s3proxy_connections", "Connections of clients and to S3, and files that are being sent.", [
      { value: process.connections },
    ]),
    gauge("s3proxy_connections_limit", "Connections beyond which idle ones are closed.", [
      { value: process.mostConnections },
    ]),
    counter("process_cpu_seconds_total", "User and system CPU time of the process.", [
      { value: process.cpuSeconds },
    ]),
    gauge("process_resident_memory_bytes", "Memory of the process that is in RAM.", [
      { value: process.residentBytes },
    ]),
    gauge("process_start_time_seconds", "When the process started.", [{ value: process.startedAtSeconds }]),
    gauge("process_open_fds", "Open file descriptors.", [{ value: process.openDescriptors }]),
    gauge(
      "process_max_fds",
      "Most open file descriptors.",
      mostDescriptors === undefined ? [] : [{ value: mostDescriptors }],
    ),
  ];
}
