/** The map of visitors: countries by how many came from there, and a dot for each city. */

import { svg } from "./chart.js";
import { MAP, project } from "./projection.js";

/** Countries have one of so many shades, each for about three times more or less. */
const SHADES = 4;
/** Radius of the dot of the city with the most visitors, in units of the map; the area says how many. */
const LARGEST_DOT = 26;
const SMALLEST_DOT = 5;

/**
 * Makes the map in a container.
 *
 * @param {(code: string) => string} nameOf a country's name
 * @param {(count: number) => string} format
 */
export async function createMap(container, nameOf, format) {
  const outlines = await (await fetch("/_proxy/dashboard/world.json")).json();
  const titles = new Map();
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
    /** Shows these. */
    show(byCountry, cities) {
      const counts = new Map(byCountry);
      const most = Math.max(1, ...counts.values());
      for (const [code, path] of countries) {
        const count = counts.get(code) ?? 0;
        const level = Math.max(1, SHADES - Math.round(2 * Math.log10(most / count)));
        if (count === 0) path.removeAttribute("data-level");
        else path.setAttribute("data-level", level);
        titles.get(code).textContent = `${nameOf(code)}: ${format(count)}`;
      }
      const mostOfCity = Math.max(1, ...cities.map(({ count }) => count));
      dots.replaceChildren(...cities.map((city) => dotOf(city, mostOfCity)));
    },
  };

  function dotOf({ city, country, longitude, latitude, count }, most) {
    const [cx, cy] = project(longitude, latitude);
    const r = Math.max(SMALLEST_DOT, LARGEST_DOT * Math.sqrt(count / most));
    const name = [city, nameOf(country)].filter((each) => each !== "").join(", ");
    const title = svg("title", {}, `${name}: ${format(count)}`);
    return svg("circle", { cx: cx.toFixed(1), cy: cy.toFixed(1), r: r.toFixed(1) }, title);
  }
}
