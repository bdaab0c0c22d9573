/** The map of visitors: countries by how many came from there, and a dot for each city. */

import { svg } from "./element.js";
import { MAP, project } from "./projection.js";

/** Countries have one of so many shades, each for about three times more or less. */
const SHADES = 4;
/** Radius of the dot of the city with the most visitors, in units of the map; the area says how many. */
const LARGEST_DOT = 26;
const SMALLEST_DOT = 5;

/**
 * @typedef {import("../metrics/visit-tally.ts").VisitSummary} VisitSummary
 * @typedef {VisitSummary["cities"][number]} City
 */

/**
 * Makes the map in a container.
 *
 * @param {HTMLElement} container
 * @param {(code: string) => string} nameOf a country's name
 * @param {(count: number) => string} format
 */
export async function createMap(container, nameOf, format) {
  /** @type {Record<string, string>} */
  const outlines = await (await fetch("/_proxy/dashboard/world.json")).json();
  /** @type {Map<string, SVGTitleElement>} */
  const titles = new Map();
  /** @type {Map<string, SVGPathElement>} */
  const countries = new Map();
  for (const [code, path] of Object.entries(outlines)) {
    const title = svg("title", {}, nameOf(code));
    titles.set(code, title);
    countries.set(code, svg("path", { d: path }, title));
  }
  const dots = svg("g");
  const attributes = {
    viewBox: `0 0 ${MAP.width} ${MAP.height}`,
    role: "img",
    "aria-label": "Map of visitors",
  };
  container.replaceChildren(svg("svg", attributes, ...countries.values(), dots));
  return {
    /**
     * Shows these.
     *
     * @param {VisitSummary["countries"]} byCountry
     * @param {VisitSummary["cities"]} cities
     */
    show(byCountry, cities) {
      const counts = new Map(byCountry);
      const most = Math.max(1, ...counts.values());
      for (const [code, path] of countries) {
        const count = counts.get(code) ?? 0;
        const level = Math.max(1, SHADES - Math.round(2 * Math.log10(most / count)));
        if (count === 0) path.removeAttribute("data-level");
        else path.setAttribute("data-level", String(level));
        const title = titles.get(code);
        if (title !== undefined) title.textContent = `${nameOf(code)}: ${format(count)}`;
      }
      const mostOfCity = Math.max(1, ...cities.map(({ count }) => count));
      dots.replaceChildren(...cities.map((city) => dotOf(city, mostOfCity)));
    },
  };

  /**
   * @param {City} city
   * @param {number} most
   */
  function dotOf({ city, country, longitude, latitude, count }, most) {
    const [cx, cy] = project(longitude, latitude);
    const r = Math.max(SMALLEST_DOT, LARGEST_DOT * Math.sqrt(count / most));
    const name = [city, nameOf(country)].filter((each) => each !== "").join(", ");
    const title = svg("title", {}, `${name}: ${format(count)}`);
    return svg("circle", { cx: cx.toFixed(1), cy: cy.toFixed(1), r: r.toFixed(1) }, title);
  }
}
