/** What visits of the last hour were: tables, and where they came from on the map. */

import { byId, elementOf, html } from "./element.js";
import { count, countryName } from "./format.js";
import { createMap } from "./map.js";

/** @typedef {import("../telemetry/overview.ts").Overview} Overview */

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

/** Makes the map, which is drawn from the next `showVisits` on. */
export async function startMap() {
  map = await createMap(byId("map"), countryName, count.format);
}

/**
 * Shows them, where visits are looked at.
 *
 * @param {Overview} overview
 */
export function showVisits({ visits, publishing }) {
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
