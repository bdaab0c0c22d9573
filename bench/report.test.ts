import { expect, test } from "bun:test";
import { report } from "./report.ts";
import type { Row } from "./row.ts";

const facts = {
  effort: { rounds: 3, seconds: 1, warmUpSeconds: 1, isQuick: true },
  date: new Date(0),
  machine: ["one machine"],
};
const row: Row = {
  id: "small-http1",
  title: "3 KB hit",
  unit: "req/s",
  better: "more",
  ours: { values: [900, 1000, 1100], perCpuSecond: [1000, 1000, 1000], busy: 0.99 },
  others: [
    { name: "nginx", samples: { values: [1000, 1000, 1000], perCpuSecond: [2000, 2000, 2000], busy: 0.5 } },
    { name: "Varnish", missing: "varnishd isn't installed" },
  ],
};

test("a comparison has both figures, the ratio with its spread, what limited it and what became of the goal", () => {
  expect(report([row], facts)).toContain(
    "| 3 KB hit | 1,000 | nginx | 1,000 | **1.00** | 0.95..1.05 | 0.90..1.10 | 0.50 | 99 % / 50 % **(!)** | at least 1: met |",
  );
});

test("a peer that isn't installed has a line that says so", () => {
  expect(report([row], facts)).toContain("|  |  | Varnish | varnishd isn't installed |");
});

test("a row that couldn't be measured says why", () => {
  const { ours: _, ...unmeasured } = row;
  expect(report([{ ...unmeasured, others: [], note: "wrk isn't installed" }], facts)).toContain(
    "| 3 KB hit | wrk isn't installed |",
  );
});

test("a goal of our own figure is judged without anybody to compare with", () => {
  const start: Row = {
    id: "start",
    title: "start",
    unit: "ms",
    better: "less",
    ours: { values: [400] },
    others: [],
  };
  expect(report([start], facts)).toContain("| start | 400 ms |");
  expect(report([start], facts)).toContain("at most 300 (own figure): **not met** |");
});
