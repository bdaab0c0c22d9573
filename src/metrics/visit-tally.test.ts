import { expect, test } from "bun:test";
import { batchOf } from "../../test/support/visits.ts";
import type { Visit } from "./visit.ts";
import { VisitTally } from "./visit-tally.ts";

const visit = (more: Partial<Visit> = {}): Visit => ({
  method: "GET",
  resource: "/",
  mimeType: "text/html; charset=utf-8",
  ipAddress: "192.0.2.1",
  sizeBytes: 1,
  timeNs: 1,
  status: 200,
  isCompressed: false,
  cacheStatus: "hit",
  timestampNs: 0n,
  id: "1",
  location: undefined,
  ...more,
});
const oxford = {
  city: "Oxford",
  country: "United Kingdom",
  country_iso_code: "GB",
  latitude: "51.750000",
  longitude: "-1.250000",
};

test("pages, missing pages and status codes are counted, each visit for as many as it stands for", () => {
  const tally = new VisitTally(() => 0);
  const image = { resource: "/a.png", mimeType: "image/png" };
  const visits = [visit(), visit(), visit(image), visit({ method: "HEAD" })];
  tally.accept(batchOf([...visits, visit({ status: 404, resource: "/gone" })], { weight: 10 }));
  const { pages, missing, statuses } = tally.summary();
  expect(pages).toEqual([["/", 20]]);
  expect(missing).toEqual([["/gone", 10]]);
  expect(statuses).toEqual([
    ["200", 40],
    ["404", 10],
  ]);
});

test.each([
  ["/", true],
  ["/docs/", true],
  ["/about", true],
  ["/docs/v1.2/about", true],
  ["/a.html", true],
  ["/a.HTM", true],
  ["/a.css", false],
  ["/fonts/a.b.woff2", false],
])("an unchanged %s is a page: %p", (resource, isPage) => {
  const tally = new VisitTally(() => 0);
  tally.accept(batchOf([visit({ status: 304, mimeType: undefined, resource })]));
  expect(tally.summary().pages).toEqual(isPage ? [[resource, 1]] : []);
});

test("visitors are counted by country and by city", () => {
  const tally = new VisitTally(() => 0);
  const countryOnly = { country_iso_code: "GB", latitude: "54.000000", longitude: "-2.000000" };
  tally.accept(
    batchOf([
      visit({ ipAddress: "192.0.2.2", location: oxford }),
      visit({ ipAddress: "192.0.2.2", location: oxford }),
      visit({ ipAddress: "192.0.2.3", location: countryOnly }),
      visit({ ipAddress: "192.0.2.4", location: { ...oxford, city: "|\n]", latitude: "north" } }),
      visit(),
    ]),
  );
  const { countries, cities } = tally.summary();
  expect(countries).toEqual([
    ["GB", 4],
    ["", 1],
  ]);
  expect(cities).toEqual([
    { city: "Oxford", country: "GB", latitude: 51.75, longitude: -1.25, count: 2 },
    { city: "", country: "GB", latitude: 54, longitude: -2, count: 1 },
  ]);
});
