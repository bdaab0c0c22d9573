import { describe, expect, test } from "bun:test";
import { parseExposition, valueIn } from "./exposition.ts";

const GAUGE = "# HELP g Help.\n# TYPE g gauge\n";
const HISTOGRAM = "# HELP h Help.\n# TYPE h histogram\n";

describe("a text that isn't in the format is refused:", () => {
  test.each([
    ["without a line feed at its end", "# HELP g Help.\n# TYPE g gauge\ng 1"],
    ["an empty line", `${GAUGE}g 1\n\n`],
    ["a sample without its family", "g 1\n"],
    ["a family without its type", "# HELP g Help.\ng 1\n"],
    ["a family without samples", GAUGE],
    ["a family twice", `${GAUGE}g 1\n${GAUGE}g 1\n`],
    ["a sample of another family", `${GAUGE}g 1\nf 1\n`],
    ["a name with a dash", "# HELP a-b Help.\n# TYPE a-b gauge\na-b 1\n"],
    ["a value that is no number", `${GAUGE}g one\n`],
    ["a number as JavaScript writes infinity", `${GAUGE}g Infinity\n`],
    ["a label without quotes", `${GAUGE}g{a=b} 1\n`],
    ["a quote in a label", `${GAUGE}g{a="b"c"} 1\n`],
    ["a comma after the last label", `${GAUGE}g{a="b",} 1\n`],
    ["an unknown escape", `${GAUGE}g{a="\\x"} 1\n`],
    ["a label twice", `${GAUGE}g{a="b",a="c"} 1\n`],
    ["a sample twice", `${GAUGE}g{a="b"} 1\ng{a="b"} 2\n`],
    ["a counter without _total", "# HELP c Help.\n# TYPE c counter\nc 1\n"],
    ["a counter below zero", "# HELP c_total Help.\n# TYPE c_total counter\nc_total -1\n"],
    ["a unit that isn't a base unit", "# HELP a_ms Help.\n# TYPE a_ms gauge\na_ms 1\n"],
    [
      "a histogram whose buckets fall",
      `${HISTOGRAM}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`,
    ],
    [
      "one whose bounds fall",
      `${HISTOGRAM}h_bucket{le="2"} 1\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`,
    ],
    ["one whose last bucket isn't its count", `${HISTOGRAM}h_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n`],
    ["one without a last bucket", `${HISTOGRAM}h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n`],
    ["one without a sum", `${HISTOGRAM}h_bucket{le="+Inf"} 1\nh_count 1\n`],
  ])("%s", (_, text) => {
    expect(() => parseExposition(text)).toThrow();
  });
});

test("a text in the format is read", () => {
  const families = parseExposition(
    `${GAUGE}g{a="\\\\\\"\\n,}",b=""} 1.5e-7\n${HISTOGRAM}h_bucket{x="1",le="+Inf"} 1\nh_sum{x="1"} NaN\nh_count{x="1"} 1\n`.replace(
      "NaN",
      "2",
    ),
  );
  expect(valueIn(families, "g", { b: "", a: '\\"\n,}' })).toBe(1.5e-7);
  expect(valueIn(families, "h_sum", { x: "1" })).toBe(2);
  expect(valueIn(families, "g")).toBeUndefined();
});
