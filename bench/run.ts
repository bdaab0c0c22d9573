/** `npm run bench`: this proxy beside nginx and Varnish, on the same core, in front of the same origin. See README.md. */

import { mkdtemp, rm } from "node:fs/promises";
import { cpus, release, tmpdir, type } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { chart } from "./chart.ts";
import { peerVersions } from "./peers.ts";
import { canPin, LOAD_CPU, pinSelf, runToEnd, SERVER_CPU, stopAll } from "./processes.ts";
import { report } from "./report.ts";
import type { Effort } from "./rounds.ts";
import type { Row } from "./row.ts";
import { startOrigin } from "./servers.ts";
import { ROW_IDS, runSuite } from "./suite.ts";

const FULL: Effort = { rounds: 7, seconds: 1, warmUpSeconds: 2, isQuick: false };
const QUICK: Effort = { rounds: 3, seconds: 1, warmUpSeconds: 1, isQuick: true };
const PROJECT = resolve(import.meta.dirname, "..");
const RESULTS = join(import.meta.dirname, "results");
const VERSION_DEADLINE_MS = 5_000;

const HELP = `Usage: npm run bench -- [options]

  --quick       ${QUICK.rounds} rounds instead of ${FULL.rounds}, the first peer of the rows that a change is usually judged by
  --only        measure this row only; may be given again: ${ROW_IDS.join(", ")}
  --rounds      so many rounds
  --micro       the pure parts of a request by themselves instead, in nanoseconds
  --ours        measure this checkout of the project instead of the one the benchmark is in
  --against     compare with this checkout of the project instead of all others

  --name        the table and the chart go to bench/results/<name>.md and .svg; latest by default
  --add         keep what the last run of that name has found of other rows
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [] },
      rounds: { type: "string" },
      micro: { type: "boolean", default: false },
      name: { type: "string", default: "latest" },
      add: { type: "boolean", default: false },
      ours: { type: "string", default: PROJECT },
      against: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const unknown = values.only.find((id) => !ROW_IDS.includes(id));
  if (unknown !== undefined) throw new Error(`Unknown row "${unknown}"\n${HELP}`);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (values.micro) {
    await import("./micro.ts");
    return 0;
  }
  const basis = values.quick ? QUICK : FULL;
  const effort = { ...basis, rounds: values.rounds === undefined ? basis.rounds : roundsOf(values.rounds) };
  const against = values.against === undefined ? undefined : resolve(values.against);
  const work = await mkdtemp(join(tmpdir(), "s3proxy-bench-"));
  // Once only: an interrupt makes the measurement fail as well, and two removals of one directory disturb each other.
  let cleaned: Promise<void> | undefined;
  const cleanUpOnce = () => {
    cleaned ??= cleanUp(work);
    return cleaned;
  };
  onInterrupt(cleanUpOnce);
  try {
    pinSelf();
    const origin = await startOrigin();
    const project = resolve(values.ours);
    const suite = { only: values.only, effort, origin, project, against, work };
    const measured = await runSuite(suite, (title) => process.stderr.write(`${title} ...\n`));
    const file = join(RESULTS, `${values.name}.json`);
    const rows = values.add ? await addTo(file, measured) : measured;
    const date = new Date();
    const text = report(rows, { effort, date, machine: await machineLines() });
    const title = `s3proxy on one core, ${date.toISOString().slice(0, 10)}`;
    await Bun.write(file, JSON.stringify(rows));
    await Bun.write(join(RESULTS, `${values.name}.md`), text);
    await Bun.write(join(RESULTS, `${values.name}.svg`), chart(rows, title));
    process.stdout.write(`\n${text}`);
    return 0;
  } finally {
    await cleanUpOnce();
  }
}

/** The rows of an earlier run with those of this one in their place, in the order of the report. */
async function addTo(file: string, measured: readonly Row[]): Promise<Row[]> {
  // Written by this program.
  const earlier = (await Bun.file(file).exists()) ? ((await Bun.file(file).json()) as Row[]) : [];
  const byId = new Map([...earlier, ...measured].map((row) => [row.id, row]));
  return ROW_IDS.flatMap((id) => byId.get(id) ?? []);
}

function roundsOf(text: string): number {
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`Want a number of rounds, got "${text}"`);
  return rounds;
}

async function machineLines(): Promise<string[]> {
  const versions = [`Bun ${Bun.version}`, ...peerVersions()];
  if (Bun.which("h2load") !== null)
    versions.push((await runToEnd(["h2load", "--version"], VERSION_DEADLINE_MS)).trim());
  return [
    `${cpus().length} × ${cpus()[0]?.model.trim()}, ${type()} ${release()}`,
    versions.join(", "),
    canPin()
      ? `servers on CPU ${SERVER_CPU}, load on CPU ${LOAD_CPU}`
      : "NOT PINNED: needs taskset and two CPUs",
  ];
}

function onInterrupt(clean: () => Promise<void>): void {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(signal, () => clean().finally(() => process.exit(code)));
  }
}

async function cleanUp(work: string): Promise<void> {
  await stopAll();
  await rm(work, { recursive: true, force: true });
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  return 1;
});
