/** Reads what the load generators print and refuses a run that had anything but the expected answers. */

import type { Scenario } from "./scenarios.ts";

/** What one run of a load generator found. */
export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly requests: number;
}

/** Connections of `h2load`, and requests under way on each. */
export const H2LOAD_CONNECTIONS = 16;
export const H2LOAD_STREAMS = 32;

/** More than any head of an answer in the benchmark, less than its smallest body. */
const MAX_HEAD_BYTES = 2048;
const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
  TB: 1024 ** 4,
};

/** Reads the output of `wrk`. Throws when a socket failed, a status was unexpected, or nothing was measured. */
export function readWrk(output: string, scenario: Scenario): LoadResult {
  // wrk counts a 304 as good without a word, so the bytes an answer has tell a 304 from a 200.
  const total = /([\d]+) requests in .*?, ([\d.]+)([KMGT]?B) read/.exec(output);
  const requests = Number(total?.[1]);
  const bytes = Number(total?.[2]) * (UNITS[total?.[3] ?? ""] ?? Number.NaN);
  const requestsPerSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
  const trouble = /Socket errors:.*|Non-2xx or 3xx responses:.*/.exec(output)?.[0];
  if (trouble !== undefined) throw new Error(`${scenario.title}: wrk reports "${trouble}"\n${output}`);
  if (!(requests > 0 && requestsPerSecond > 0))
    throw new Error(`${scenario.title}: wrk measured nothing\n${output}`);
  const bytesPerAnswer = bytes / requests;
  const least = scenario.status === 304 ? 0 : scenario.bodyBytes;
  // wrk rounds the bytes it prints to two decimals of the unit.
  if (!(bytesPerAnswer >= least * 0.99 && bytesPerAnswer <= least + MAX_HEAD_BYTES)) {
    throw new Error(
      `${scenario.title}: want answers ${scenario.status} of ${least} bytes and a head, got ${bytesPerAnswer} bytes each\n${output}`,
    );
  }
  return { requestsPerSecond, requests };
}

/** Reads the output of `h2load`. Throws when a request failed, a status was unexpected, or nothing was measured. */
export function readH2load(output: string, scenario: Scenario): LoadResult {
  const requestsPerSecond = Number(/^finished in .*?, ([\d.]+) req\/s/m.exec(output)?.[1]);
  const counts = numbersOf(
    /^requests: .*?(\d+) done, .*?(\d+) failed, (\d+) errored, (\d+) timeout/m,
    output,
  );
  const statuses = numbersOf(/^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/m, output);
  const [done = 0, ...failures] = counts;
  const expectedClass = scenario.status === 304 ? 1 : 0;
  const others = statuses.filter((_, statusClass) => statusClass !== expectedClass);
  if (!/^Application protocol: h2c?$/m.test(output)) {
    throw new Error(`${scenario.title}: h2load didn't speak HTTP/2\n${output}`);
  }
  if (!(done > 0 && requestsPerSecond > 0)) {
    throw new Error(`${scenario.title}: h2load measured nothing\n${output}`);
  }
  // A status counts when the head arrives and a request when its body has: the streams open at either end of the
  // measured time are in one count only.
  const uncounted = Math.abs((statuses[expectedClass] ?? 0) - done);
  if (
    [...failures, ...others].some((count) => count > 0) ||
    uncounted > H2LOAD_CONNECTIONS * H2LOAD_STREAMS
  ) {
    throw new Error(
      `${scenario.title}: want every answer to be ${scenario.status}, h2load reports otherwise\n${output}`,
    );
  }
  return { requestsPerSecond, requests: done };
}

function numbersOf(pattern: RegExp, output: string): number[] {
  return pattern.exec(output)?.slice(1).map(Number) ?? [];
}
