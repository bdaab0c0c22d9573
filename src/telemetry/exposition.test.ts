import { expect, test } from "bun:test";
import { parseExposition, valueIn } from "../../test/support/exposition.ts";
import { EXPOSITION_TYPE, exposition, type Family } from "./exposition.ts";
import { Histogram, histogramSlots, SIZE_SCALE } from "./histogram.ts";

test("families are written one after the other, help and type first; one without samples isn't", () => {
  const families: Family[] = [
    { name: "a_total", help: "How many.", type: "counter", samples: [{ value: 3 }] },
    { name: "none", help: "Nothing.", type: "gauge", samples: [] },
    {
      name: "b",
      help: "Two\nlines \\ and a backslash.",
      type: "gauge",
      samples: [
        { labels: { x: 'quote " backslash \\ line\nfeed', y: "" }, value: Number.POSITIVE_INFINITY },
        { labels: { x: "", y: "z" }, value: 1e-7 },
      ],
    },
  ];
  expect(exposition(families)).toBe(
    [
      "# HELP a_total How many.",
      "# TYPE a_total counter",
      "a_total 3",
      "# HELP b Two\\nlines \\\\ and a backslash.",
      "# TYPE b gauge",
      'b{x="quote \\" backslash \\\\ line\\nfeed",y=""} +Inf',
      'b{x="",y="z"} 1e-7',
      "",
    ].join("\n"),
  );
  const [, b] = [...parseExposition(exposition(families)).values()];
  expect(b?.samples[0]?.labels.x).toBe('quote " backslash \\ line\nfeed');
});

test("a histogram is buckets that count what is at their bound or below, a sum and a count", () => {
  const histogram = new Histogram(new Float64Array(histogramSlots(SIZE_SCALE)), 0, SIZE_SCALE);
  for (const bytes of [64, 65, 2 ** 40]) histogram.add(bytes);
  const text = exposition([
    { name: "s_bytes", help: "Sizes.", type: "histogram", histograms: [{ labels: { a: "b" }, histogram }] },
  ]);
  const families = parseExposition(text);
  const bucket = (le: string) => valueIn(families, "s_bytes_bucket", { a: "b", le });
  expect([bucket("64"), bucket("256"), bucket("4294967296"), bucket("+Inf")]).toEqual([1, 2, 2, 3]);
  expect(valueIn(families, "s_bytes_sum", { a: "b" })).toBe(64 + 65 + 2 ** 40);
});

test("the media type names the version of the format", () => {
  expect(EXPOSITION_TYPE).toBe("text/plain; version=0.0.4; charset=utf-8");
});
