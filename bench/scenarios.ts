/** What is measured under load: one row of the report each. */

/** The ways a client speaks to a server: HTTP/1.1, HTTP/2 in cleartext by prior knowledge, HTTP/2 over TLS. */
export type Protocol = "http1" | "h2c" | "h2tls";

/** The servers that can be measured; `peers.ts` and `servers.ts` start them. */
export type ServerName =
  | "s3proxy"
  | "s3proxy-tls"
  | "s3proxy-few"
  | "s3proxy-visits"
  | "nginx"
  | "nginx-uncached"
  | "varnish"
  | "bare-fetch"
  | "bare-hit";

/** How a server is named in the report. */
export const LABELS: Readonly<Record<ServerName, string>> = {
  s3proxy: "s3proxy",
  "s3proxy-tls": "s3proxy",
  "s3proxy-few": "s3proxy",
  "s3proxy-visits": "s3proxy, visits stored",
  nginx: "nginx",
  "nginx-uncached": "nginx, no cache",
  varnish: "Varnish",
  "bare-fetch": "bare fetch",
  "bare-hit": "bare handler",
};

/** What is asked, over and over, as fast as it is answered. */
export interface Scenario {
  /** What `--only` selects it by. */
  readonly id: string;
  readonly title: string;
  readonly ours: ServerName;
  /** Whom it is compared with; the first alone in a quick run. */
  readonly others: readonly ServerName[];
  readonly protocol: Protocol;
  readonly connections: number;
  readonly path: string;
  /** Of an answer without content coding; absent where answers differ in length. */
  readonly bodyBytes?: number;
  /** 304 sends `If-None-Match` with the entity tag that the server itself gave. */
  readonly status: 200 | 304;
  /** The content coding that is asked for and wanted. */
  readonly coding?: "br";
  /** Paths that the client makes up, by a script of `wrk`; absent where it is `path` every time. */
  readonly script?: "unique" | "zipf";
  /** Part of a quick run. */
  readonly isQuick?: true;
}

/** Objects that are sent from files. */
export const LARGE_PATHS = ["/100k.html", "/10240k.bin"] as const;
/** Objects of the mix that there isn't room for, and how much room there is: a tenth. */
export const FEW_FOLDER = "few";
export const FEW_BYTES = 28_000_000;

const KIB = 1024;
const MANY = 64;
const PEERS = ["nginx", "varnish"] as const;
const PEERS_AND_RUNTIME = [...PEERS, "bare-hit"] as const;
const HIT = { ours: "s3proxy", others: PEERS, protocol: "http1", connections: MANY, status: 200 } as const;
const SMALL = { ...HIT, path: "/index.html", bodyBytes: 3 * KIB } as const;
const [LARGE_PATH, HUGE_PATH] = LARGE_PATHS;

/** Every scenario, in the order of the report. */
export const scenarios: readonly Scenario[] = [
  {
    ...SMALL,
    id: "small-http1",
    title: "3 KB hit, HTTP/1.1",
    others: PEERS_AND_RUNTIME,
    isQuick: true,
  },
  {
    ...SMALL,
    id: "small-h2c",
    title: "3 KB hit, HTTP/2 cleartext",
    others: PEERS_AND_RUNTIME,
    protocol: "h2c",
    isQuick: true,
  },
  {
    ...SMALL,
    id: "small-h2tls",
    title: "3 KB hit, HTTP/2 over TLS",
    ours: "s3proxy-tls",
    others: ["nginx"],
    protocol: "h2tls",
  },
  { ...SMALL, id: "one", title: "3 KB hit, HTTP/1.1, one connection", others: ["nginx"], connections: 1 },
  {
    ...SMALL,
    id: "thousand",
    title: "3 KB hit, HTTP/1.1, 1,000 connections",
    others: ["nginx"],
    connections: 1000,
  },
  { ...SMALL, id: "not-modified", title: "304 to If-None-Match, HTTP/1.1", status: 304 },
  {
    ...HIT,
    id: "large",
    title: "100 KB hit, HTTP/1.1",
    others: PEERS_AND_RUNTIME,
    path: LARGE_PATH,
    bodyBytes: 100 * KIB,
    isQuick: true,
  },
  {
    ...HIT,
    id: "huge",
    title: "10 MB from disk, HTTP/1.1",
    others: ["nginx"],
    connections: 16,
    path: HUGE_PATH,
    bodyBytes: 10240 * KIB,
  },
  { ...HIT, id: "brotli", title: "100 KB page as br, HTTP/1.1", path: "/100k-text.html", coding: "br" },
  {
    ...SMALL,
    id: "miss",
    title: "3 KB miss, each key once",
    others: ["bare-fetch", "nginx-uncached"],
    script: "unique",
    isQuick: true,
  },
  {
    ...HIT,
    id: "zipf",
    title: "20,000 objects by Zipf's law, room for a tenth",
    ours: "s3proxy-few",
    path: `/${FEW_FOLDER}/index.html`,
    script: "zipf",
  },
  {
    ...SMALL,
    id: "visits",
    title: "3 KB hit, visits stored",
    ours: "s3proxy-visits",
    others: ["s3proxy"],
    isQuick: true,
  },
];
