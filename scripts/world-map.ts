/**
 * Makes `src/dashboard/world.json`, the outlines of the dashboard's map: by a country's code in ISO 3166-1 the path of an SVG.
 * From Natural Earth's countries at 1:110,000,000, which are in the public domain (https://www.naturalearthdata.com), as the
 * package `world-atlas` brings them in TopoJSON (https://github.com/topojson/topojson-specification).
 */

import { join } from "node:path";
import codes from "i18n-iso-countries/codes.json";
import topology from "world-atlas/countries-110m.json";

const FOLDER = join(import.meta.dir, "../src/dashboard");
/** Of the few that have no number in ISO 3166-1: the codes that databases of places use, or the country's whose they are on the map. */
const WITHOUT_NUMBER: Readonly<Record<string, string>> = {
  Kosovo: "XK",
  "N. Cyprus": "CY",
  Somaliland: "SO",
};
/** Nobody visits from there, and it takes a quarter of the map. */
const LEFT_OUT = "AQ";

type Point = readonly [longitude: number, latitude: number];
type Project = (longitude: number, latitude: number) => [x: number, y: number];

// The page uses the same one.
const { project, MAP } = (await import(join(FOLDER, "projection.js"))) as {
  project: Project;
  MAP: { width: number };
};
const codeByNumber = new Map(codes.map(([code, , number]) => [String(number), String(code)]));
const arcs = topology.arcs.map(decoded);
const paths: Record<string, string> = {};
for (const { id, properties, type, arcs: outlines } of topology.objects.countries.geometries) {
  const code = codeByNumber.get(id ?? "") ?? WITHOUT_NUMBER[properties.name];
  if (code === undefined) throw new Error(`"${properties.name}" has no code`);
  if (code === LEFT_OUT) continue;
  const polygons = (type === "Polygon" ? [outlines] : outlines) as number[][][];
  paths[code] = (paths[code] ?? "") + polygons.flat().map(pathOf).join("");
}
await Bun.write(join(FOLDER, "world.json"), `${JSON.stringify(paths, null, 2)}\n`);

/** Differences of whole numbers become degrees. */
function decoded(arc: readonly (readonly number[])[]): Point[] {
  const { scale, translate } = topology.transform;
  let [x, y] = [0, 0];
  return arc.map(([dx = 0, dy = 0]) => {
    x += dx;
    y += dy;
    return [x * (scale[0] ?? 0) + (translate[0] ?? 0), y * (scale[1] ?? 0) + (translate[1] ?? 0)];
  });
}

/** A ring, in whole numbers: what is where the point before is, is left out. */
function pathOf(ring: readonly number[]): string {
  const points = ring.flatMap((index) =>
    index < 0 ? [...(arcs[~index] ?? [])].reverse() : (arcs[index] ?? []),
  );
  const places: Point[] = [];
  for (const point of points) {
    const [x, y] = project(...point).map(Math.round) as [number, number];
    const [atX, atY] = places.at(-1) ?? [x, Number.NaN];
    // An island on the 180th meridian would be drawn across the whole map.
    const isBeyondEdge = Math.abs(x - atX) > MAP.width / 2;
    if (!isBeyondEdge && (x !== atX || y !== atY)) places.push([x, y]);
  }
  // A point or a line is nothing to see.
  if (places.length < 3) return "";
  const steps = places.slice(1).map(([x, y], index) => {
    const [atX, atY] = places[index] ?? [0, 0];
    return `${x - atX},${y - atY}`;
  });
  return `M${places[0]}l${steps.join(" ")}z`.replaceAll(/[ ,]-/g, "-");
}
