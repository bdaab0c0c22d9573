/** Imports go one way: what a folder may import is listed here and nowhere else. */

import { expect, test } from "bun:test";
import { dirname, join, relative } from "node:path";
import { Glob } from "bun";

const SOURCE = join(import.meta.dir, "../src");

/** For each folder (or file in `src` itself) what it may import beside itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["app.ts", "start/start-error.ts", "commands/run.ts", "config"],
  "parts.ts": ["config", "metrics/publisher-config.ts", "origin"],
  commands: [
    "parts.ts",
    "cluster",
    "edge/route.ts",
    "common",
    "config",
    "http",
    "keeper",
    "log",
    "metrics",
    "origin",
    "tls",
  ],
  "app.ts": [
    "cluster/open.ts",
    "config",
    "edge/listen.ts",
    "log",
    "metrics",
    "parts.ts",
    "reload.ts",
    "start",
    "takeover",
    "telemetry",
    "threads",
  ],
  start: [
    "cluster",
    "config",
    "edge/admin.ts",
    "edge/bind.ts",
    "edge/edge.ts",
    "edge/listen.ts",
    "edge/redirect.ts",
    "http",
    "keeper",
    "log",
    "origin",
    "parts.ts",
    "takeover",
    "threads",
    "tls",
  ],
  "reload.ts": ["config", "edge/edge.ts", "http/header-rules-file.ts", "log", "threads", "tls"],
  threads: [
    "edge",
    "http/coding.ts",
    "keeper",
    "log",
    "metrics",
    "keeper/uses.ts",
    "origin/origin.ts",
    "origin/website.ts",
    "telemetry",
    "tls/certificate.ts",
  ],
  edge: [
    "dashboard/assets.ts",
    "keeper/protocol.ts",
    "keeper/progress.ts",
    "keeper/uses.ts",
    "keeper/freshness.ts",
    "keeper/representations.ts",
    "keeper/key-facts.ts",
    "origin/origin.ts",
    "origin/listing.ts",
    "origin/website.ts",
    "origin/exchange.ts",
    "origin/body.ts",
    "http",
    "metrics/anonymize.ts",
    "metrics/batch.ts",
    "metrics/record.ts",
    "common",
    "log",
    "telemetry",
    "tls/certificate.ts",
  ],
  keeper: ["common", "http", "origin/origin.ts", "origin/listing.ts", "origin/website.ts", "log"],
  cluster: [
    "common",
    "keeper/frame.ts",
    "keeper/key-facts.ts",
    "keeper/lookups.ts",
    "keeper/other-nodes.ts",
    "keeper/protocol.ts",
    "keeper/second-tier.ts",
    "log",
  ],
  metrics: ["common", "log"],
  telemetry: [
    "cluster/cluster-state.ts",
    "keeper/protocol.ts",
    "keeper/cache-facts.ts",
    "keeper/key-facts.ts",
    "metrics/sink-state.ts",
    "metrics/visit-tally.ts",
  ],
  dashboard: [],
  origin: ["http"],
  takeover: ["keeper/protocol.ts", "log"],
  tls: ["log"],
  http: ["common"],
  common: [],
  config: [],
  log: [],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

function importsOf(file: string): Import[] {
  const text = new Bun.Transpiler({ loader: "ts" });
  // Type imports vanish when transpiled, and they are dependencies too.
  const source = require("node:fs")
    .readFileSync(join(SOURCE, file), "utf8")
    .replaceAll(/\bimport type\b/g, "import");
  const specifiers = [...source.matchAll(/\bfrom "(\.[^"]+)"/g)].map((match) => String(match[1]));
  const dynamic = text
    .scanImports(source)
    .map((found) => found.path)
    .filter((path) => path.startsWith("."));
  return [...new Set([...specifiers, ...dynamic])].map((to) => ({
    from: file,
    to: relative(SOURCE, join(SOURCE, dirname(file), to)),
  }));
}

function folderOf(path: string): string {
  return path.split("/")[0] ?? "";
}

function isAllowed({ from, to }: Import): boolean {
  if (to === "../package.json") return from === "config/version.ts";
  const own = folderOf(from);
  const allowed = MAY_IMPORT[own] ?? [];
  return folderOf(to) === own || allowed.includes(folderOf(to)) || allowed.includes(to);
}

const files = [...new Glob("**/*.ts").scanSync(SOURCE)].filter((file) => !file.endsWith(".test.ts"));

test("every folder imports only what it may", () => {
  const imports = files.flatMap(importsOf);
  expect(imports.length).toBeGreaterThan(50);
  const refused = imports.filter((each) => !isAllowed(each)).map(({ from, to }) => `${from} -> ${to}`);
  expect(refused).toEqual([]);
});

test("a folder that isn't listed may import nothing", () => {
  expect(files.map(folderOf).filter((folder) => !(folder in MAY_IMPORT))).toEqual([]);
});

test("an import against the direction is refused", () => {
  expect(isAllowed({ from: "keeper/keeper.ts", to: "edge/handler.ts" })).toBe(false);
  expect(isAllowed({ from: "edge/handler.ts", to: "keeper/store.ts" })).toBe(false);
});
