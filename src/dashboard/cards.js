/** The cards of facts: the cache, the sinks and the other nodes. */

import { byId, elementOf, html } from "./element.js";
import { bytes, count, percent, span } from "./format.js";

/**
 * @typedef {import("../telemetry/overview.ts").Overview} Overview
 * @typedef {import("./format.js").Format} Format
 */

/**
 * What the cache holds.
 *
 * @param {Overview} overview
 */
export function showCache({ cache }) {
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

/**
 * How the visits fare that are stored somewhere.
 *
 * @param {Overview} overview
 */
export function showSinks({ publishing }) {
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

/**
 * How this node stands with the others, where there are any.
 *
 * @param {Overview} overview
 */
export function showNodes({ cluster, nowMs }) {
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
