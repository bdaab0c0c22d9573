/** Goes through what was selected and gives the rows. Every measurement starts its own servers, so that none leaves anything to the next. */

import { LOAD_GENERATORS } from "./load/programs.ts";
import { measureLoad } from "./measure.ts";
import { missingProgramOf, startNamed } from "./peers.ts";
import type { Effort } from "./rounds.ts";
import type { Other, Row } from "./row.ts";
import { LABELS, type Scenario, type ServerName, scenarios } from "./scenarios.ts";
import type { Origin, Server } from "./servers.ts";
import type { Special } from "./special.ts";
import { specials } from "./specials.ts";

/** What is measured, and how. */
export interface Suite {
  /** Rows to measure; empty for all of the effort. */
  readonly only: readonly string[];
  readonly effort: Effort;
  readonly origin: Origin;
  /** The checkout that is measured. */
  readonly project: string;
  /** The checkout that it is compared with, in place of all others. */
  readonly against: string | undefined;
  /** A folder for everything that is written. */
  readonly work: string;
}

/** What `--only` can name. */
export const ROW_IDS: readonly string[] = [
  ...scenarios.map(({ id }) => id),
  ...specials.flatMap(({ rows }) => rows.map(({ id }) => id)),
];

/** One of those a row compares us with, before anything is started. */
interface Candidate {
  readonly name: string;
  readonly missing: string | undefined;
  readonly start: () => Promise<Server>;
}

/** Measures everything that was selected; `began` is told the title of each. Throws at a wrong answer. */
export async function runSuite(suite: Suite, began: (title: string) => void): Promise<Row[]> {
  const rows: Row[] = [];
  const isSelected = (ids: readonly string[], isQuick: boolean | undefined) =>
    suite.only.length > 0
      ? ids.some((id) => suite.only.includes(id))
      : isQuick === true || !suite.effort.isQuick;
  for (const scenario of scenarios) {
    if (!isSelected([scenario.id], scenario.isQuick)) continue;
    began(scenario.title);
    rows.push(await loadRow(scenario, suite));
  }
  for (const special of specials) {
    const ids = special.rows.map(({ id }) => id);
    if (!isSelected(ids, special.isQuick)) continue;
    began(special.rows.map(({ title }) => title).join("; "));
    rows.push(...(await specialRows(special, suite)));
  }
  return rows;
}

async function loadRow(scenario: Scenario, suite: Suite): Promise<Row> {
  const { id, title, ours, others } = scenario;
  const row = { id, title, unit: "req/s", better: "more" } as const;
  const program = LOAD_GENERATORS[scenario.protocol];
  if (Bun.which(program) === null) return { ...row, others: [], note: notInstalled(program) };
  const candidates = candidatesOf(ours, others, suite);
  const running: Server[] = [];
  try {
    for (const start of startsOf(ours, candidates, suite)) running.push(await start());
    const [own, ...theirs] = await measureLoad(scenario, suite.effort, suite.origin, running);
    if (own === undefined) return { ...row, others: [] };
    const hits = [own, ...theirs].map(({ hitRatio }) => `${Math.round(hitRatio * 100)} %`).join(", ");
    const note = scenario.script === "zipf" ? { note: `hits ${hits} (in the order of the lines)` } : {};
    return { ...row, ours: own, others: pairUp(candidates, theirs), ...note };
  } finally {
    await Promise.all(running.map((server) => server.stop()));
  }
}

async function specialRows(special: Special, suite: Suite): Promise<Row[]> {
  const { program } = special;
  const better = "less" as const;
  if (program !== undefined && Bun.which(program) === null)
    return special.rows.map((row) => ({ ...row, better, others: [], note: notInstalled(program) }));
  const candidates = candidatesOf("s3proxy", special.others, suite);
  const servers = startsOf("s3proxy", candidates, suite);
  const { values, note } = await special.measure({ effort: suite.effort, origin: suite.origin, servers });
  return special.rows.map((row, index) => {
    const [own = [], ...theirs] = values[index] ?? [];
    const others = pairUp(
      candidates,
      theirs.map((samples) => ({ values: samples })),
    );
    return { ...row, better, ours: { values: own }, others, ...(note === undefined ? {} : { note }) };
  });
}

function candidatesOf(ours: ServerName, others: readonly ServerName[], suite: Suite): Candidate[] {
  const { against, project, origin, work, effort, only } = suite;
  if (against !== undefined) {
    const start = () => startNamed(ours, against, origin.port, work);
    return [{ name: "other checkout", missing: undefined, start }];
  }
  const wanted = effort.isQuick && only.length === 0 ? others.slice(0, 1) : others;
  return wanted.map((name) => {
    const program = missingProgramOf(name);
    const missing = program === undefined ? undefined : notInstalled(program);
    return { name: LABELS[name], missing, start: () => startNamed(name, project, origin.port, work) };
  });
}

/** Ours first, then those that are installed. */
function startsOf(
  ours: ServerName,
  candidates: readonly Candidate[],
  suite: Suite,
): (() => Promise<Server>)[] {
  const { project, origin, work } = suite;
  const installed = candidates.filter(({ missing }) => missing === undefined);
  return [() => startNamed(ours, project, origin.port, work), ...installed.map(({ start }) => start)];
}

/** Gives each candidate its samples; those that aren't installed have none. */
function pairUp(
  candidates: readonly Candidate[],
  measured: readonly NonNullable<Other["samples"]>[],
): Other[] {
  const left = [...measured];
  return candidates.map(({ name, missing }) => {
    if (missing !== undefined) return { name, missing };
    const samples = left.shift();
    return samples === undefined ? { name } : { name, samples };
  });
}

function notInstalled(program: string): string {
  return `${program} isn't installed`;
}
