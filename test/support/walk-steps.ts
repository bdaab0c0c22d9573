/** The requests of a walk (walk.ts), and what must be recorded of each. */

import type { Location } from "../../src/metrics/geo/source.ts";
import type { Ask } from "./client.ts";

/** One request. What is absent of the answer's must not be recorded; paths are those within the folder. */
export interface Step extends Omit<Ask, "protocol"> {
  /** What is recorded of the path, where that isn't what was sent. */
  readonly resource?: string;
  /** 200 where nothing else is said. */
  readonly status?: number;
  readonly mimeType?: string;
  readonly cache?: string;
  readonly compressed?: true;
  /** Who asks: somebody whose place nobody knows, where nothing else is said. */
  readonly from?: string;
  readonly location?: Location;
}

const ZIP = "application/zip";
const HTML = "text/html";

const BOXFORD = {
  accuracy_radius: "100.000000",
  city: "Boxford",
  continent: "Europe",
  country: "United Kingdom",
  country_iso_code: "GB",
  latitude: "51.750000",
  longitude: "-1.250000",
  postal_code: "OX1",
  registered_country: "France",
  subdivision: "England",
  subdivision_iso_code: "ENG",
  time_zone: "Europe/London",
};
const LINKOEPING = {
  accuracy_radius: "76.000000",
  city: "Linköping",
  continent: "Europe",
  country: "Sweden",
  country_iso_code: "SE",
  latitude: "58.416700",
  longitude: "15.616700",
  registered_country: "Germany",
  subdivision: "Östergötland County",
  subdivision_iso_code: "E",
  time_zone: "Europe/Stockholm",
};
const JAPAN = {
  accuracy_radius: "100.000000",
  continent: "Asia",
  country: "Japan",
  country_iso_code: "JP",
  latitude: "35.685360",
  longitude: "139.753090",
  registered_country: "Japan",
  time_zone: "Asia/Tokyo",
};

const PAGE = { path: "/page.html", mimeType: HTML };
const PACKED = { path: "/packed.txt", mimeType: "text/plain", headers: { "Accept-Encoding": "gzip" } };
const LOST = { path: "/not%20there", status: 404, mimeType: HTML };
const PRIVATE = { path: "/private.bin", mimeType: ZIP, cache: "pass" };
const VIDEO = { path: "/video.bin", mimeType: ZIP };
const MOVED = { path: "/moved.html", status: 301 };
const FOLDER = { path: "/folder/", mimeType: HTML };

/** One after the other; what one stores is a hit for the next. */
export const STEPS: readonly Step[] = [
  { ...PAGE, path: "/page.html?q=a%20secret", resource: "/page.html", cache: "miss" },
  { ...PAGE, cache: "hit" },
  { ...PAGE, method: "HEAD", cache: "hit" },
  { ...PAGE, path: "/head.html", method: "HEAD", cache: "miss" },
  { path: "/page.html", headers: { "If-None-Match": '"e"' }, status: 304, cache: "hit" },
  { path: "/same.html", headers: { "If-None-Match": '"e"' }, status: 304, cache: "miss" },
  { ...PAGE, headers: { "If-Match": '"other"' }, status: 412, cache: "hit" },
  { ...PAGE, headers: { Range: "bytes=1-4" }, status: 206, cache: "hit" },
  { ...PAGE, headers: { Range: "bytes=100-" }, status: 416, cache: "hit" },
  { ...PAGE, path: "/part.html", headers: { Range: "bytes=1-4" }, status: 206, cache: "miss" },
  { ...PACKED, compressed: true, cache: "miss" },
  { ...PACKED, compressed: true, cache: "hit" },
  { ...LOST, cache: "miss" },
  { ...LOST, cache: "hit" },
  { ...LOST, method: "HEAD", cache: "hit" },
  { path: "/%00", status: 400, mimeType: HTML },
  { ...PAGE, method: "POST", status: 405 },
  { ...PAGE, method: "PROPFIND", status: 405 },
  { path: "/failing.html", status: 503, mimeType: HTML },
  { path: "/private.txt", mimeType: "text/plain", cache: "pass" },
  PRIVATE,
  { ...PRIVATE, headers: { Range: "bytes=10-99" }, status: 206 },
  { path: "/large.bin", mimeType: ZIP, cache: "miss" },
  { path: "/large.bin", mimeType: ZIP, cache: "hit" },
  { ...VIDEO, headers: { Range: "bytes=1000-200999" }, status: 206, cache: "miss" },
  { ...MOVED, cache: "miss" },
  { ...MOVED, cache: "hit" },
  { path: "/docs", status: 302, cache: "miss" },
  { path: "/docs/", mimeType: HTML, cache: "hit" },
  { ...FOLDER, cache: "miss" },
  { ...FOLDER, cache: "hit" },
  { ...FOLDER, method: "HEAD", cache: "hit" },
  // What comes of a path is what an URL can have; what it can't have is refused before anything is known of the request.
  { path: "/new%0Aline,resource=/forged%20size=0i%201%0A", status: 400, mimeType: HTML },
  { ...LOST, path: "/a,b=c", cache: "miss" },
  { ...LOST, path: "/a%2Cb%3Dc%20d", cache: "miss" },
  { ...LOST, path: "/'q\"", resource: "/'q%22", cache: "miss" },
  { ...LOST, path: "/back\\slash\\", resource: "/back/slash/", cache: "miss" },
  { ...LOST, path: "/back%5Cslash%5C", cache: "miss" },
  { ...LOST, path: '/{"$gt":""}', resource: "/%7B%22$gt%22:%22%22%7D", cache: "miss" },
  { path: "/odd,%20name=x", mimeType: 'odd/type, a=b \\ "c" \\', cache: "miss" },
  { ...PAGE, cache: "hit", from: "2.125.160.216", location: BOXFORD },
  { ...PAGE, cache: "hit", from: "89.160.20.112", location: LINKOEPING },
  { ...PAGE, cache: "hit", from: "2001:218:1:2:3:4:5:6", location: JAPAN },
  { ...PAGE, cache: "hit", from: "8.8.8.8" },
  { ...PAGE, cache: "hit", from: "10.1.2.3" },
];
