import { afterEach, beforeEach, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CITY_DATABASE } from "../../../test/support/mmdb-ws.ts";
import { createLog } from "../../log/log.ts";
import { type MmdbFile, openMmdbFile } from "./mmdb-file.ts";

/** In the database: Boxford. */
const BOXFORD = "2.125.160.216";

let folder: string;
let path: string;
let lines: string[];
let file: MmdbFile | undefined;

function open(): MmdbFile {
  file = openMmdbFile(
    path,
    createLog("info", (line) => lines.push(line), Date.now),
  );
  return file;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "s3proxy-geo-"));
  path = join(folder, "city.mmdb");
  lines = [];
  copyFileSync(CITY_DATABASE, path);
});
afterEach(() => {
  file?.close();
  file = undefined;
  rmSync(folder, { recursive: true, force: true });
});

test("an address has the fields of mmdb-ws, numbers with six decimals", async () => {
  expect(await open().lookup(BOXFORD)).toEqual({
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
  });
});

test("what the database doesn't have isn't a field, and an address that it doesn't have is nowhere", async () => {
  const japan = await open().lookup("2001:218::1");
  expect(japan?.country_iso_code).toBe("JP");
  expect(Object.keys(japan ?? {})).not.toContain("city");
  expect(await file?.lookup("8.8.8.8")).toBeUndefined();
});

test("a file that isn't there or isn't a database is refused at the start", () => {
  writeFileSync(path, "no database");
  expect(open).toThrow();
  rmSync(path);
  expect(open).toThrow("ENOENT");
});

test("a file that was replaced is read again", async () => {
  const old = open();
  const other = join(folder, "other.mmdb");
  // The same database with another city.
  const bytes = readFileSync(CITY_DATABASE).toString("latin1").replaceAll("Boxford", "Newford");
  writeFileSync(other, bytes, "latin1");
  renameSync(other, path);
  old.refresh();
  expect((await old.lookup(BOXFORD))?.city).toBe("Newford");
  expect(lines.join()).toInclude("Geo database read again");
});

test.each([
  ["broken", () => writeFileSync(path, "broken")],
  ["cut short", () => writeFileSync(path, readFileSync(CITY_DATABASE).subarray(0, 9_000))],
  ["gone", () => rmSync(path)],
])(
  "where the new one is %s the old one is used, until there is one that can be read",
  async (_what, spoil) => {
    const old = open();
    spoil();
    old.refresh();
    expect((await old.lookup(BOXFORD))?.city).toBe("Boxford");
    expect(lines.join()).toInclude("the old one is used");
    copyFileSync(CITY_DATABASE, path);
    old.refresh();
    expect(lines.at(-1)).toInclude("Geo database read again");
  },
);
