/** The dashboard: takes frames from the server and shows them. What came from visitors is only ever put in as text. */

import { createChart, html } from "./chart.js";
import { startClearing } from "./clearing.js";
import { elementOf } from "./element.js";
import {
  bytes,
  bytesPerSecond,
  count,
  countryName,
  duration,
  percent,
  perSecond,
  short,
  span,
} from "./format.js";
import { createMap } from "./map.js";
import { problemsIn } from "./problems.js";

/**
 * @typedef {import("../telemetry/overview.ts").Overview} Overview
 * @typedef {import("./chart.js").Point} Point
 * @typedef {import("./format.js").Format} Format
 */

/** @param {string} id */
const byId = (id) => elementOf(`#${id}`, HTMLElement);

// Charts.

/** @typedef {Exclude<keyof Point, "p50Ms" | "p95Ms" | "p99Ms" | "s3P50Ms" | "s3P95Ms">} Counted what is never unknown */
/** @type {(of: Counted) => (point: Point) => number} */
const rate = (of) => (point) => point[of] / point.seconds;
/** @param {Point} point */
const hitRatio = (point) => (point.cached === 0 ? null : point.hits / point.cached);
/** @type {import("./chart.js").ChartOptions[]} */
const CHARTS = [
  {
    title: "Requests",
    format: perSecond,
    series: [
      { name: "all", color: "blue", value: rate("requests") },
      { name: "4xx", color: "orange", value: rate("refused") },
      { name: "5xx", color: "red", value: rate("failed") },
    ],
  },
  {
    title: "Hit ratio",
    format: percent,
    most: 1,
    series: [{ name: "hits", color: "green", value: hitRatio }],
  },
  {
    title: "Latency",
    format: duration,
    isLogarithmic: true,
    series: [
      { name: "p50", color: "blue", value: (point) => point.p50Ms },
      { name: "p95", color: "orange", value: (point) => point.p95Ms },
      { name: "p99", color: "red", value: (point) => point.p99Ms },
    ],
  },
  {
    title: "Traffic",
    format: bytesPerSecond,
    series: [
      { name: "sent", color: "blue", value: rate("sentBytes") },
      { name: "from S3", color: "orange", value: rate("s3Bytes") },
    ],
  },
  {
    title: "Requests to S3",
    format: perSecond,
    series: [
      { name: "all", color: "blue", value: rate("s3Requests") },
      { name: "failed", color: "red", value: rate("s3Failed") },
    ],
  },
  {
    title: "Latency of S3",
    format: duration,
    isLogarithmic: true,
    series: [
      { name: "p50", color: "blue", value: (point) => point.s3P50Ms },
      { name: "p95", color: "orange", value: (point) => point.s3P95Ms },
    ],
  },
];
const charts = CHARTS.map(createChart);
byId("charts").append(...charts.map(({ element }) => element));

// What has come so far.

const KEPT = { fine: 150, coarse: 225 };
/** @type {{ fine: Point[], coarse: Point[] }} */
const points = { fine: [], coarse: [] };
/** @type {{ cpuSeconds: number, nowMs: number } | undefined} */
let cpu;

/**
 * Adds what is new; after a pause a frame has again what is known.
 *
 * @param {"fine" | "coarse"} kind
 * @param {Overview["columns"]} columns
 * @param {Overview["fine"]} rows
 */
function addPoints(kind, columns, rows) {
  const lastMs = points[kind].at(-1)?.atMs ?? 0;
  const added = rows.map(
    (row) =>
      /** @type {Point} */ (
        /** @type {unknown} */ (Object.fromEntries(columns.map((name, index) => [name, row[index]])))
      ),
  );
  points[kind] = [...points[kind], ...added.filter(({ atMs }) => atMs > lastMs)].slice(-KEPT[kind]);
}

/** @param {number} nowMs */
function showCharts(nowMs) {
  const seconds = Number(elementOf("#range input:checked", HTMLInputElement).value);
  // Before the first coarse points an hour has fine ones at least, and the last seconds always.
  const coarseUntilMs = points.coarse.at(-1)?.atMs ?? 0;
  const shown =
    seconds === 300
      ? points.fine
      : [...points.coarse, ...points.fine.filter(({ atMs }) => atMs > coarseUntilMs)];
  for (const chart of charts) chart.show(shown, nowMs, seconds);
}

// Numbers of now.

/** @param {Overview} overview */
function showTiles({ process, originAnsweredAtMs, nowMs }) {
  // Ten seconds together are calmer than two.
  const last = points.fine.slice(-5);
  /** @param {Counted} of */
  const sum = (of) => last.reduce((total, point) => total + point[of], 0);
  const seconds = sum("seconds") || 1;
  const cached = sum("cached");
  const latest = last.findLast(({ p50Ms }) => p50Ms !== null);
  const ofS3 = points.fine.findLast(({ s3P50Ms }) => s3P50Ms !== null);
  /** @type {(part: number, whole: number) => string} */
  const share = (part, whole) => (whole === 0 ? "–" : percent(part / whole));
  /** @param {number | null | undefined} ms */
  const took = (ms) => (ms === null || ms === undefined ? "–" : duration(ms));
  const busy = cpu && (process.cpuSeconds - cpu.cpuSeconds) / ((nowMs - cpu.nowMs) / 1000);
  cpu = { cpuSeconds: process.cpuSeconds, nowMs };
  const answered =
    originAnsweredAtMs === 0 ? "never answered" : `answered ${span((nowMs - originAnsweredAtMs) / 1000)} ago`;
  /** @type {[name: string, value: string, more: string][]} */
  const tiles = [
    ["Requests", perSecond(sum("requests") / seconds), `${share(sum("failed"), sum("requests"))} failed`],
    ["Hit ratio", share(sum("hits"), cached), `${short(cached / seconds)} lookups/s`],
    ["Latency, median", took(latest?.p50Ms), `p99 ${took(latest?.p99Ms)}`],
    [
      "Sent",
      bytesPerSecond(sum("sentBytes") / seconds),
      `${bytesPerSecond(sum("s3Bytes") / seconds)} from S3`,
    ],
    ["Requests to S3", perSecond(sum("s3Requests") / seconds), answered],
    ["Latency of S3, median", took(ofS3?.s3P50Ms), `p95 ${took(ofS3?.s3P95Ms)}`],
    ["Connections", count.format(process.connections), `of ${short(process.mostConnections)}`],
    ["Memory", bytes(process.residentBytes), `CPU ${busy ? percent(Math.max(0, busy)) : "–"}`],
  ];
  byId("tiles").replaceChildren(
    ...tiles.map(([name, value, more]) =>
      html(
        "div",
        { className: "tile" },
        html("span", {}, name),
        html("b", {}, value),
        html("span", {}, more),
      ),
    ),
  );
}

// Tables.

/**
 * @param {string} id
 * @param {import("./map.js").VisitSummary["pages"]} rows
 * @param {string} nothing what is said where there are none
 * @param {(name: string) => string} nameOf
 */
function showTable(id, rows, nothing, nameOf = (name) => name) {
  const most = Math.max(1, ...rows.map(([, occurred]) => occurred));
  const lines = rows.map(([name, occurred]) => {
    const cell = html("td", { title: nameOf(name) }, nameOf(name));
    cell.style.setProperty("--share", String(occurred / most));
    return html("tr", {}, cell, html("td", {}, count.format(occurred)));
  });
  const none = html("tr", {}, html("td", { className: "none", colSpan: 2 }, nothing));
  elementOf(`#${id}`, HTMLTableElement).tBodies[0]?.replaceChildren(...(lines.length === 0 ? [none] : lines));
}

const STATUS_NAMES = new Map(
  Object.entries({
    200: "OK",
    206: "Partial Content",
    301: "Moved Permanently",
    302: "Found",
    304: "Not Modified",
    308: "Permanent Redirect",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    412: "Precondition Failed",
    416: "Range Not Satisfiable",
    500: "Internal Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
  }),
);

/** @type {Awaited<ReturnType<typeof createMap>> | undefined} */
let map;
/** @param {Overview} overview */
function showVisits({ visits, publishing }) {
  if (visits === undefined) return;
  const { pages, missing, statuses, countries, cities } = visits;
  showTable("pages", pages, "None yet");
  showTable("missing", missing, "None");
  showTable("statuses", statuses, "None yet", (code) => `${code} ${STATUS_NAMES.get(code) ?? ""}`);
  const isAnyKnown = countries.some(([code]) => code !== "");
  showTable("countries", countries.slice(0, 12), "None yet", countryName);
  map?.show(countries, cities);
  byId("note").textContent = [
    isAnyKnown
      ? ""
      : "No place of a visitor is known: that needs --mmdb-file or --mmdb-host, and public addresses.",
    publishing === undefined
      ? "Beyond a hundred requests a second and thread, what is said of visits is estimated from a sample."
      : "",
  ].join(" ");
}

// The cache, the sinks and the other nodes.

/** @param {Overview} overview */
function showCache({ cache }) {
  const fills = /** @type {const} */ ([
    ["Memory", cache.memory],
    ["Disk", cache.disk],
  ]).map(([name, tier]) => {
    const share = tier.mostBytes === 0 ? 0 : Math.min(1, tier.bytes / tier.mostBytes);
    const level = html("i");
    level.style.width = percent(share).replace("\u00a0", "");
    const track = html("div", { className: "track" }, level);
    const limit = tier.mostBytes === 0 ? "off" : `${bytes(tier.bytes)} of ${bytes(tier.mostBytes)}`;
    return html("div", { className: "fill" }, html("span", {}, name), track, html("span", {}, limit));
  });
  /** @type {[name: string, number: number][]} */
  const facts = [
    ["Objects", cache.objects],
    ["Encoded representations", cache.representations],
    ["Remembered as missing", cache.negatives],
    ["Evicted from memory", cache.memory.evictions],
    ["Evicted from disk", cache.disk.evictions],
  ];
  byId("cache").replaceChildren(
    ...fills,
    factTable(
      [],
      facts.map(([name, number]) => [name, count.format(number)]),
    ),
  );
}

/** @param {Overview} overview */
function showSinks({ publishing }) {
  const container = byId("sinks");
  if (publishing === undefined) {
    container.replaceChildren(
      html("p", { className: "hint" }, "Visits are stored nowhere: no sink is configured."),
    );
    return;
  }
  const columns = publishing.sinks.map(({ sink }) => sink);
  /** @type {(name: string, of: "delivered" | "waiting" | "spooled" | "spoolBytes" | "lost", format?: Format) => string[]} */
  const row = (name, of, format = count.format) => [
    name,
    ...publishing.sinks.map((state) => format(state[of])),
  ];
  const rows = [
    row("Delivered", "delivered"),
    row("Waiting in memory", "waiting"),
    row("Waiting on disk", "spooled"),
    row("Spool", "spoolBytes", bytes),
    row("Lost", "lost"),
  ];
  const more = `${count.format(publishing.batchesUnderWay)} batches under way, ${count.format(publishing.dropped)} visits dropped before`;
  container.replaceChildren(factTable(columns, rows), html("p", { className: "hint" }, more));
}

/** @param {Overview} overview */
function showNodes({ cluster, nowMs }) {
  const card = byId("nodes");
  card.hidden = cluster === undefined;
  if (cluster === undefined) return;
  const since = span(Math.max(0, nowMs - cluster.sinceMs) / 1000);
  const standing = cluster.isTogether
    ? `Followed by way of Redis for ${since}.`
    : `This node has been alone for ${since}: Redis can't be reached.`;
  /** @type {(name: string, of: "sent" | "received" | "waiting") => string[]} */
  const row = (name, of) => [name, count.format(cluster[of].clears), count.format(cluster[of].versions)];
  const events = factTable(
    ["clears", "changed objects"],
    [row("Sent", "sent"), row("Received", "received"), row("Waiting", "waiting")],
  );
  const more = `Connected again ${count.format(cluster.reconnects)} times, failed ${count.format(cluster.failures)} times`;
  const state = html("p", { className: "standing" }, standing);
  const shared =
    cluster.copies === undefined ? [] : [html("p", { className: "hint" }, copiesInWords(cluster.copies))];
  state.dataset.state = cluster.isTogether ? "together" : "alone";
  elementOf("#nodes div", HTMLElement).replaceChildren(
    state,
    events,
    html("p", { className: "hint" }, more),
    ...shared,
  );
}

/** @param {NonNullable<NonNullable<Overview["cluster"]>["copies"]>} copies */
function copiesInWords({ isUsable, reads, writes }) {
  const asked = reads.hit + reads.miss + reads.unusable + reads.failed;
  const had = `${count.format(reads.hit)} of ${count.format(asked)} objects had from Redis`;
  return `${had}, ${count.format(writes.written)} left there${isUsable ? "" : "; it isn't asked now"}`;
}

/**
 * @param {string[]} columns
 * @param {string[][]} rows
 */
function factTable(columns, rows) {
  /** @type {(kind: "th" | "td", texts: string[]) => HTMLElement} */
  const cells = (kind, texts) => html("tr", {}, ...texts.map((text) => html(kind, {}, text)));
  const head = columns.length === 0 ? [] : [html("thead", {}, cells("th", ["", ...columns]))];
  const body = html("tbody", {}, ...rows.map((row) => cells("td", row)));
  return html("table", { className: "facts" }, ...head, body);
}

/** @param {Overview} overview */
function showProblems(overview) {
  const list = byId("problems");
  const texts = problemsIn(overview);
  list.hidden = texts.length === 0;
  list.replaceChildren(...texts.map((text) => html("li", {}, text)));
}

/** @param {Overview} overview */
function showProcess({ process, nowMs }) {
  const up = span(nowMs / 1000 - process.startedAtSeconds);
  const threads = `${process.threads} ${process.threads === 1 ? "thread" : "threads"}`;
  byId("process").textContent = `${process.version} · Bun ${process.bunVersion} · ${threads} · up ${up}`;
}

// Frames.

/** @type {Overview | undefined} */
let frame;
function show() {
  if (frame === undefined) return;
  showProcess(frame);
  showProblems(frame);
  showCharts(frame.nowMs);
  showTiles(frame);
  showVisits(frame);
  showCache(frame);
  showSinks(frame);
  showNodes(frame);
}
/**
 * @param {"live" | "waiting"} state
 * @param {string} text
 */
function setConnection(state, text) {
  byId("connection").dataset.state = state;
  byId("connection").textContent = text;
}

function listen() {
  const source = new EventSource("/_proxy/dashboard/events");
  source.onmessage = ({ data }) => {
    /** @type {Overview} */
    const overview = JSON.parse(data);
    frame = overview;
    addPoints("fine", overview.columns, overview.fine);
    addPoints("coarse", overview.columns, overview.coarse);
    setConnection("live", "live");
    // What nobody sees need not be drawn.
    if (!document.hidden) show();
  };
  source.onerror = () => {
    setConnection("waiting", "reconnecting");
    // The session has ended: the page is the form to log in then.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 2_000);
  };
}
document.addEventListener("visibilitychange", show);
byId("range").addEventListener("change", () => frame && showCharts(frame.nowMs));
listen();
createMap(byId("map"), countryName, count.format).then((made) => {
  map = made;
  show();
});
startClearing();
