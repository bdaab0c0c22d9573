/** `npm run bench`: this proxy beside nginx, on the same core, in front of the same origin. See README.md. */

import { mkdtemp, rm } from "node:fs/promises";
import { cpus, release, tmpdir, type } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Effort, LOAD_GENERATORS, measure, type ScenarioFigures } from "./measure.ts";
import { canPin, LOAD_CPU, runToEnd, SERVER_CPU, stopAll } from "./processes.ts";
import { report, type Unmeasured } from "./report.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import { type Server, startNginx, startOrigin, startProxy } from "./servers.ts";

const FULL: Effort = { rounds: 7, seconds: 3 };
const QUICK: Effort = { rounds: 3, seconds: 2 };
const PROJECT = resolve(import.meta.dirname, "..");
const RESULT_FILE = join(import.meta.dirname, "results", "latest.md");
const VERSION_DEADLINE_MS = 5_000;

const HELP = `Usage: npm run bench -- [--quick] [--only <scenario>]... [--ours <checkout>] [--against <checkout>]

  --quick       ${QUICK.rounds} rounds of ${QUICK.seconds} s instead of ${FULL.rounds} of ${FULL.seconds} s
  --only        measure this scenario only; may be given again: ${scenarios.map(({ id }) => id).join(", ")}
  --ours        measure this checkout of the project instead of the one the benchmark is in
  --against     compare with this checkout of the project instead of nginx
`;

interface Peer {
  readonly name: string;
  /** What has to be installed; absent when it is. */
  readonly missing: string | undefined;
  readonly start: (originPort: number, work: string) => Promise<Server>;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [] },
      ours: { type: "string", default: PROJECT },
      against: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const selected = select(values.only);
  const effort = values.quick ? QUICK : FULL;
  const peer = values.against === undefined ? nginxPeer() : checkoutPeer(resolve(values.against));
  const work = await mkdtemp(join(tmpdir(), "s3proxy-bench-"));
  // Once only: an interrupt makes the measurement fail as well, and two removals of one directory disturb each other.
  let cleaned: Promise<void> | undefined;
  const cleanUpOnce = () => {
    cleaned ??= cleanUp(work);
    return cleaned;
  };
  onInterrupt(cleanUpOnce);
  try {
    const rows = await measureAll(selected, effort, peer, resolve(values.ours), work);
    const machine = await machineLines(selected, peer);
    const surroundings = {
      effort,
      oursName: "s3proxy",
      peerName: peer.name,
      peerMissing: peer.missing,
      date: new Date(),
      machine,
    };
    const text = report(rows, surroundings);
    await Bun.write(RESULT_FILE, text);
    process.stdout.write(`\n${text}`);
    return peer.missing !== undefined || rows.some((row) => "reason" in row) ? 1 : 0;
  } finally {
    await cleanUpOnce();
  }
}

async function measureAll(
  selected: readonly Scenario[],
  effort: Effort,
  peer: Peer,
  project: string,
  work: string,
): Promise<(ScenarioFigures | Unmeasured)[]> {
  const origin = await startOrigin();
  const ours = await startProxy("s3proxy", project, origin.port, work);
  const peerServer = peer.missing === undefined ? await peer.start(origin.port, work) : undefined;
  const rows: (ScenarioFigures | Unmeasured)[] = [];
  for (const scenario of selected) {
    const generator = LOAD_GENERATORS[scenario.protocol];
    if (Bun.which(generator) === null) {
      rows.push({ scenario, reason: notInstalled(generator) });
      continue;
    }
    process.stderr.write(`${scenario.title} ...\n`);
    rows.push(await measure(scenario, effort, origin, ours, peerServer));
  }
  return rows;
}

function select(ids: readonly string[]): readonly Scenario[] {
  const unknown = ids.find((id) => !scenarios.some((scenario) => scenario.id === id));
  if (unknown !== undefined) throw new Error(`Unknown scenario "${unknown}"\n${HELP}`);
  return ids.length === 0 ? scenarios : scenarios.filter(({ id }) => ids.includes(id));
}

function nginxPeer(): Peer {
  return {
    name: "nginx",
    missing: Bun.which("nginx") === null ? notInstalled("nginx") : undefined,
    start: async (originPort, work) => startNginx(nginxVersion(), originPort, work),
  };
}

function checkoutPeer(project: string): Peer {
  const name = "other checkout";
  return {
    name,
    missing: undefined,
    start: (originPort, work) => startProxy(name, project, originPort, work),
  };
}

/** nginx prints its version on standard error. */
function nginxVersion(): string {
  return Bun.spawnSync(["nginx", "-v"], { timeout: VERSION_DEADLINE_MS }).stderr.toString().trim();
}

function notInstalled(program: string): string {
  return `${program} isn't installed`;
}

async function machineLines(selected: readonly Scenario[], peer: Peer): Promise<string[]> {
  const versions = [`Bun ${Bun.version}`];
  if (peer.name === "nginx" && peer.missing === undefined)
    versions.push(nginxVersion().replace("nginx version: ", ""));
  if (selected.some(({ protocol }) => protocol === "h2c") && Bun.which("h2load") !== null) {
    versions.push((await runToEnd(["h2load", "--version"], VERSION_DEADLINE_MS)).trim());
  }
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
