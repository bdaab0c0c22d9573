import { expect, test } from "bun:test";
import { batchOf, visitOf } from "../../test/support/visits.ts";
import type { Fields } from "../log/log.ts";
import { RecentVisits, summaryOf } from "./recent-visits.ts";
import type { Visit } from "./visit.ts";

function visit(cacheStatus: string, country?: string): Visit {
  return visitOf(1, { cacheStatus, location: country === undefined ? undefined : { country } });
}

test("a summary has the number, the part that came from the cache, and the countries that most came from", () => {
  const visits = [visit("hit", "A"), visit("miss", "B"), visit("stale", "B"), visit("pass"), visit("", "C")];
  expect(summaryOf([...visits, visit("hit", "B"), visit("hit", "A"), visit("hit")], 8)).toEqual({
    requests: 8,
    hitRatio: "63%",
    countries: "B 3, A 2, unknown 2",
  });
});

test("a summary of nothing says so", () => {
  expect(summaryOf([], 0)).toEqual({ requests: 0, hitRatio: "-", countries: "-" });
});

test("at the end the last ones are summed up; all are counted", async () => {
  let summary: Fields = {};
  const recent = new RecentVisits((it) => {
    summary = it;
  });
  for (const each of [visit("miss", "A"), visit("hit", "B")])
    for (let batches = 0; batches < 10; batches++) recent.accept(batchOf(Array(1_000).fill(each)));
  await recent.close();
  expect(summary).toEqual({ requests: 20_000, hitRatio: "100%", countries: "B 10000" });
});
