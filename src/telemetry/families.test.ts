import { expect, test } from "bun:test";
import { parseExposition, valueIn } from "../../test/support/exposition.ts";
import { Counters } from "./counters.ts";
import { exposition } from "./exposition.ts";
import { familiesOf, type Measured } from "./families.ts";

/** Every number is another one, so that none is taken for another. */
function measured(): Measured {
  const counters = new Counters();
  counters.requests.add("GET", 200, "hit", 1_000, 100);
  counters.requests.add("GET", 200, "stale", 1_000, 200);
  counters.requests.add("GET", 200, "miss", 1_000, 300);
  counters.requests.add("BREW", 405, "", 1_000, 5_000);
  counters.origin.answered("object", 2_000_000_000);
  counters.origin.received(307);
  return {
    counters,
    originAnsweredAtMs: 17_000,
    cache: {
      memory: { bytes: 1, mostBytes: 2, evictions: 3 },
      disk: { bytes: 4, mostBytes: 5, evictions: 6 },
      objects: 7,
      representations: 8,
      negatives: 9,
      directoryErrors: { read: 10, write: 11, lastAtMs: 12 },
      isDirectoryAwaited: true,
    },
    publishing: {
      batchesUnderWay: 13,
      dropped: 14,
      sinks: [
        { sink: "a", failingSinceMs: 1, waiting: 15, spooled: 16, spoolBytes: 17, delivered: 18, lost: 19 },
        {
          sink: "b",
          failingSinceMs: undefined,
          waiting: 0,
          spooled: 0,
          spoolBytes: 0,
          delivered: 0,
          lost: 0,
        },
      ],
    },
    cluster: undefined,
    process: {
      version: "1.2.3",
      bunVersion: "4.5.6",
      threads: 20,
      connections: 21,
      mostConnections: 22,
      cpuSeconds: 23,
      residentBytes: 24,
      startedAtSeconds: 25,
      openDescriptors: 26,
      mostDescriptors: 27,
    },
  };
}

const families = parseExposition(exposition(familiesOf(measured())));

test.each<[string, Record<string, string>, number]>([
  ["s3proxy_http_requests_total", { method: "GET", code: "2xx", cache: "hit" }, 1],
  ["s3proxy_http_requests_total", { method: "other", code: "4xx", cache: "none" }, 1],
  ["s3proxy_http_request_duration_seconds_count", { cache: "miss" }, 1],
  ["s3proxy_http_response_size_bytes_sum", { cache: "miss" }, 300],
  ["s3proxy_origin_requests_total", { outcome: "object" }, 1],
  ["s3proxy_origin_request_duration_seconds_sum", {}, 2],
  ["s3proxy_origin_received_bytes_total", {}, 307],
  ["s3proxy_origin_last_answer_timestamp_seconds", {}, 17],
  ["s3proxy_cache_bytes", { tier: "memory" }, 1],
  ["s3proxy_cache_bytes", { tier: "disk" }, 4],
  ["s3proxy_cache_limit_bytes", { tier: "memory" }, 2],
  ["s3proxy_cache_limit_bytes", { tier: "disk" }, 5],
  ["s3proxy_cache_evictions_total", { tier: "memory" }, 3],
  ["s3proxy_cache_evictions_total", { tier: "disk" }, 6],
  ["s3proxy_cache_entries", { kind: "object" }, 7],
  ["s3proxy_cache_entries", { kind: "representation" }, 8],
  ["s3proxy_cache_entries", { kind: "negative" }, 9],
  ["s3proxy_cache_directory_errors_total", { operation: "read" }, 10],
  ["s3proxy_cache_directory_errors_total", { operation: "write" }, 11],
  ["s3proxy_cache_directory_awaited", {}, 1],
  ["s3proxy_cache_hit_ratio", { by: "requests" }, 2 / 3],
  ["s3proxy_cache_hit_ratio", { by: "bytes" }, 300 / 600],
  ["s3proxy_publisher_waiting_batches", {}, 13],
  ["s3proxy_publisher_dropped_visits_total", {}, 14],
  ["s3proxy_sink_up", { sink: "a" }, 0],
  ["s3proxy_sink_up", { sink: "b" }, 1],
  ["s3proxy_sink_waiting_visits", { sink: "a" }, 15],
  ["s3proxy_sink_spooled_visits", { sink: "a" }, 16],
  ["s3proxy_sink_spool_bytes", { sink: "a" }, 17],
  ["s3proxy_sink_delivered_visits_total", { sink: "a" }, 18],
  ["s3proxy_sink_dropped_visits_total", { sink: "a" }, 19],
  ["s3proxy_build_info", { version: "1.2.3", bun: "4.5.6" }, 1],
  ["s3proxy_threads", {}, 20],
  ["s3proxy_connections", {}, 21],
  ["s3proxy_connections_limit", {}, 22],
  ["process_cpu_seconds_total", {}, 23],
  ["process_resident_memory_bytes", {}, 24],
  ["process_start_time_seconds", {}, 25],
  ["process_open_fds", {}, 26],
  ["process_max_fds", {}, 27],
])("%s %j is %p", (name, labels, value) => {
  expect(valueIn(families, name, labels)).toBe(value);
});

test("visits aren't in it where none are stored", () => {
  const without = exposition(familiesOf({ ...measured(), publishing: undefined }));
  expect(without).not.toMatch(/sink|publisher/);
});
