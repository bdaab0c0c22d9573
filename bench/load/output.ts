/** Reads what the load generators print and refuses a run that had anything but the expected answers. */

/** What every answer of a run has to be. */
export interface Expected {
  readonly title: string;
  readonly status: 200 | 304;
  /** Length of the body as it is sent; undefined where answers differ. */
  readonly bodyBytes: number | undefined;
  readonly connections: number;
}

/** What one run of a load generator found. */
export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly requests: number;
}

/** Requests under way on each connection of `h2load`. */
export const H2LOAD_STREAMS = 32;

/** More than any head of an answer in the benchmark, less than its smallest body. */
const MAX_HEAD_BYTES = 2048;
const MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };
const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
  TB: 1024 ** 4,
};

/** Reads the output of `wrk`. Throws when a socket failed, a status was unexpected, or nothing was measured. */
export function readWrk(output: string, expected: Expected): LoadResult {
  // wrk counts a 304 as good without a word, so the bytes an answer has tell a 304 from a 200.
  const total = /([\d]+) requests in .*?, ([\d.]+)([KMGT]?B) read/.exec(output);
  const requests = Number(total?.[1]);
  const bytes = Number(total?.[2]) * (UNITS[total?.[3] ?? ""] ?? Number.NaN);
  const requestsPerSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
  const trouble = /Socket errors:.*|Non-2xx or 3xx responses:.*/.exec(output)?.[0];
  if (trouble !== undefined) throw new Error(`${expected.title}: wrk reports "${trouble}"\n${output}`);
  if (!(requests > 0 && requestsPerSecond > 0))
    throw new Error(`${expected.title}: wrk measured nothing\n${output}`);
  const bytesPerAnswer = bytes / requests;
  if (expected.bodyBytes === undefined) return { requestsPerSecond, requests };
  const least = expected.status === 304 ? 0 : expected.bodyBytes;
  // What has come of the answers that are under way at the end is counted in bytes only.
  const most = least + MAX_HEAD_BYTES + (expected.connections * least) / requests;
  // wrk rounds the bytes it prints to two decimals of the unit.
  if (!(bytesPerAnswer >= least * 0.99 && bytesPerAnswer <= most)) {
    throw new Error(
      `${expected.title}: want answers ${expected.status} of ${least} bytes and a head, got ${bytesPerAnswer} bytes each\n${output}`,
    );
  }
  return { requestsPerSecond, requests };
}

/** Reads the output of `h2load`. Throws when a request failed, a status was unexpected, or nothing was measured. */
export function readH2load(output: string, expected: Expected): LoadResult {
  const requestsPerSecond = Number(/^finished in .*?, ([\d.]+) req\/s/m.exec(output)?.[1]);
  const counts = numbersOf(
    /^requests: .*?(\d+) done, .*?(\d+) failed, (\d+) errored, (\d+) timeout/m,
    output,
  );
  const statuses = numbersOf(/^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/m, output);
  const [done = 0, ...failures] = counts;
  const expectedClass = expected.status === 304 ? 1 : 0;
  const others = statuses.filter((_, statusClass) => statusClass !== expectedClass);
  if (!/^Application protocol: h2c?$/m.test(output)) {
    throw new Error(`${expected.title}: h2load didn't speak HTTP/2\n${output}`);
  }
  if (!(done > 0 && requestsPerSecond > 0)) {
    throw new Error(`${expected.title}: h2load measured nothing\n${output}`);
  }
  // A status counts when the head arrives and a request when its body has: the streams open at either end of the
  // measured time are in one count only.
  const uncounted = Math.abs((statuses[expectedClass] ?? 0) - done);
  if (
    [...failures, ...others].some((count) => count > 0) ||
    uncounted > expected.connections * H2LOAD_STREAMS
  ) {
    throw new Error(
      `${expected.title}: want every answer to be ${expected.status}, h2load reports otherwise\n${output}`,
    );
  }
  return { requestsPerSecond, requests: done };
}

/** Milliseconds that `h2load` took for a number of requests, which all had to be 200. Throws otherwise. */
export function readH2loadTotal(output: string, requests: number): number {
  const [, figure, unit = ""] = /^finished in ([\d.]+)(us|ms|s),/m.exec(output) ?? [];
  const tookMs = Number(figure) * (MS[unit] ?? Number.NaN);
  const [good] = numbersOf(/^status codes: (\d+) 2xx/m, output);
  if (!(tookMs > 0) || good !== requests) throw new Error(`Want ${requests} answers 200\n${output}`);
  return tookMs;
}

function numbersOf(pattern: RegExp, output: string): number[] {
  return pattern.exec(output)?.slice(1).map(Number) ?? [];
}
