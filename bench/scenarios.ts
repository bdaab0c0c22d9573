/** What is measured. */

/** The two ways a client speaks to a server: HTTP/1.1, and HTTP/2 in cleartext by prior knowledge. */
export type Protocol = "http1" | "h2c";

/** One row of the report: the same request, over and over, from a warm cache. */
export interface Scenario {
  /** What `--only` selects it by. */
  readonly id: string;
  readonly title: string;
  readonly protocol: Protocol;
  readonly path: string;
  readonly bodyBytes: number;
  /** 304 sends `If-None-Match` with the entity tag that the server itself gave. */
  readonly status: 200 | 304;
}

/** The object that is too large for a packet or two. */
export const LARGE_PATH = "/100k.html";

const SMALL = { path: "/index.html", bodyBytes: 3 * 1024 };
const LARGE = { path: LARGE_PATH, bodyBytes: 100 * 1024 };

/** Every scenario, in the order of the report. */
export const scenarios: readonly Scenario[] = [
  { id: "small-http1", title: "3 KB hit, HTTP/1.1", protocol: "http1", status: 200, ...SMALL },
  { id: "small-h2c", title: "3 KB hit, HTTP/2 cleartext", protocol: "h2c", status: 200, ...SMALL },
  { id: "not-modified", title: "304 to If-None-Match, HTTP/1.1", protocol: "http1", status: 304, ...SMALL },
  { id: "large-http1", title: "100 KB hit, HTTP/1.1", protocol: "http1", status: 200, ...LARGE },
];
