/** How numbers and countries are written. */

/** @typedef {(value: number) => string} Format */

/** Whole numbers, with separators. */
export const count = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const PREFIXES = ["", "k", "M", "G", "T", "P"];

/** @param {number} value */
const rounded = (value) => Number(value.toPrecision(3));

/**
 * Three digits that matter, and a prefix.
 *
 * @param {number} value
 */
export function short(value, unit = "") {
  const power = Math.abs(value) < 1 ? 0 : Math.floor(Math.log10(Math.abs(value)) / 3 + 1e-9);
  const scaled = value / 1000 ** power;
  const space = unit === "" ? "" : "\u00a0";
  return `${rounded(scaled)}${space}${PREFIXES[power]}${unit}`;
}
/** Bytes. @type {Format} */
export const bytes = (value) => short(value, "B");
/** Bytes each second. @type {Format} */
export const bytesPerSecond = (value) => short(value, "B/s");
/** How many each second. @type {Format} */
export const perSecond = (value) => short(value, "/s");
/** A share of 1. @type {Format} */
export const percent = (share) => `${rounded(100 * share)}\u00a0%`;
/**
 * A short time, in the unit that suits it.
 *
 * @param {number} ms
 */
export function duration(ms) {
  if (ms >= 1000) return short(ms / 1000, "s");
  return ms < 1 ? `${rounded(ms * 1000)}\u00a0µs` : `${rounded(ms)}\u00a0ms`;
}
/**
 * A long time, in its two largest units.
 *
 * @param {number} seconds
 */
export function span(seconds) {
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor((seconds / 3_600) % 24);
  const minutes = Math.floor((seconds / 60) % 60);
  if (days > 0) return `${days} d ${hours} h`;
  return hours > 0
    ? `${hours} h ${minutes} min`
    : minutes > 0
      ? `${minutes} min`
      : `${Math.floor(seconds)} s`;
}
const regions = new Intl.DisplayNames(["en"], { type: "region" });
/**
 * A country by its code in ISO 3166-1; "" is where it isn't known.
 *
 * @param {string} code
 */
export function countryName(code) {
  if (code === "") return "Unknown";
  try {
    return regions.of(code) ?? code;
  } catch {
    return code;
  }
}
