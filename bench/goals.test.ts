import { expect, test } from "bun:test";
import { goals, judge } from "./goals.ts";
import type { Row } from "./row.ts";
import { ROW_IDS } from "./suite.ts";

const hits: Row = {
  id: "small-http1",
  title: "hit",
  unit: "req/s",
  better: "more",
  ours: { values: [90, 100, 120] },
  others: [
    { name: "nginx", samples: { values: [100, 100, 100] } },
    { name: "Varnish", missing: "not there" },
  ],
};
const start: Row = {
  id: "start",
  title: "start",
  unit: "ms",
  better: "less",
  ours: { values: [310] },
  others: [],
};

test("every goal is of a row that is measured", () => {
  for (const { row } of goals) expect(ROW_IDS).toContain(row);
});

test("a goal of a ratio is judged by the median of the rounds' own ratios", () => {
  const goal = { row: "small-http1", against: "nginx", least: 1 };
  expect(judge(goal, [hits])).toEqual({ goal, figure: 1, isMet: true });
  expect(judge({ ...goal, least: 1.01 }, [hits])?.isMet).toBe(false);
  expect(judge({ row: "small-http1", against: "nginx", most: 0.99 }, [hits])?.isMet).toBe(false);
});

test("a goal without a peer is judged by our own figure", () => {
  expect(judge({ row: "start", most: 300 }, [start])).toMatchObject({ figure: 310, isMet: false });
  expect(judge({ row: "start", most: 310 }, [start])?.isMet).toBe(true);
});

test("a goal isn't judged where the row or the peer wasn't measured", () => {
  expect(judge({ row: "large", against: "nginx", least: 1 }, [hits])).toBeUndefined();
  expect(judge({ row: "small-http1", against: "Varnish", least: 1 }, [hits])).toBeUndefined();
});
