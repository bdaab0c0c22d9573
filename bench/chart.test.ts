import { expect, test } from "bun:test";
import { chart } from "./chart.ts";
import type { Row } from "./row.ts";

function rowOf(better: "more" | "less", ours: number, theirs: number, id = "x"): Row {
  const others = [{ name: "nginx", samples: { values: [theirs] } }];
  return { id, title: "A & B", unit: "ms", better, ours: { values: [ours] }, others };
}

test("a bar says how many times as good we are, of rates and of times", () => {
  expect(chart([rowOf("more", 3, 2)], "t")).toContain(">1.50</text>");
  expect(chart([rowOf("less", 2, 3)], "t")).toContain(">1.50</text>");
  expect(chart([rowOf("more", 3, 2)], "t")).toContain('<rect class="better"');
  expect(chart([rowOf("less", 3, 2)], "t")).toContain('<rect class="worse"');
});

test("a goal is a diamond, of what less is better as well", () => {
  expect(chart([rowOf("more", 3, 2)], "t")).not.toContain('<path class="goal"');
  expect(chart([rowOf("more", 3, 2, "small-http1")], "t")).toContain('<path class="goal"');
  expect(chart([rowOf("less", 3, 2, "latency")], "t")).toContain('<path class="goal"');
});

test("what is missing, or has no ratio, has no bar", () => {
  const missing = { ...rowOf("more", 3, 2), others: [{ name: "Varnish", missing: "not there" }] };
  expect(chart([missing, rowOf("less", 1, -1)], "t")).not.toContain("<rect");
});

test("text is escaped, and no bar leaves the chart", () => {
  const svg = chart([rowOf("more", 1000, 1), rowOf("more", 1, 1000)], "a < b");
  expect(svg).toContain("a &lt; b");
  expect(svg).toContain("A &amp; B: nginx");
  for (const [, x, width] of svg.matchAll(/<rect [^>]*x="([\d.]+)"[^>]* width="([\d.]+)"/g))
    expect(Number(x) + Number(width)).toBeLessThan(880);
});
