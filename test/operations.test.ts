/** The commands of docs/operations.md, read out of it and run in their order against a bucket of the test's own. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask } from "./support/client.ts";
import { parseExposition, valueIn } from "./support/exposition.ts";
import { type LineServer, startLineServer } from "./support/line-server.ts";
import { type MemoryS3, startMemoryS3 } from "./support/memory-s3.ts";
import { listeningPort, spawnProxy } from "./support/proxy.ts";
import { AUTH_KEY, type Site, startSiteOf, until } from "./support/site.ts";

setDefaultTimeout(30_000);

const ROOT = join(import.meta.dir, "..");
const DOCUMENT = readFileSync(join(ROOT, "docs/operations.md"), "utf8");

/** A block of commands, and what its fence says beside the language. */
interface Block {
  readonly mark: string;
  readonly commands: string;
}

const BLOCKS: readonly Block[] = [...DOCUMENT.matchAll(/^```sh ?(.*)\n([\s\S]*?)^```$/gm)]
  .map(([, mark = "", commands = ""]) => ({ mark, commands }))
  .filter(({ mark }) => mark !== "machine");

/** For each block that is run what it prints, in their order. */
const PRINTED: readonly RegExp[] = [
  /✓ get /,
  /2 fetched/,
  /^$/,
  /"ready":true/,
  /"alive":true[\s\S]*"ready":true/,
  /s3proxy_origin_requests_total\{/,
  /answer {6}404 without asking S3[\s\S]*404 NoSuchKey/,
  /"GET \/missing HTTP\/1\.1" 404/,
  /nothing went wrong/,
  /\{"cleared":1\}\n\{"cleared":1\}\n\{"cleared":0\}/,
  /\{"cleared":0\}/,
  /^$/,
  /^502[\s\S]*the last question failed[\s\S]*"canServe":true/,
  /s3proxy_sink_spooled_visits\{sink="questdb"\} [1-9][\s\S]* warn +Visits can't be stored and wait[\s\S]*\/spool\/questdb\n/,
  /^$/,
];

let s3: MemoryS3;
let questDb: LineServer;
let site: Site<MemoryS3>;
let folder: string;
let environment: Record<string, string>;
let proxy: ReturnType<typeof spawnProxy> | undefined;

beforeAll(async () => {
  s3 = await startMemoryS3();
  questDb = await startLineServer();
  s3.put("index.html", "<p>home</p>", { "Content-Type": "text/html" });
  s3.put("docs/index.html", "<p>docs</p>", { "Content-Type": "text/html" });
  site = await startSiteOf(s3);
  folder = site.directory();
  for (const name of ["bin", "logs"]) mkdirSync(join(folder, name));
  const launcher = join(folder, "bin/s3proxy");
  writeFileSync(launcher, `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, "src/main.ts")}" "$@"\n`);
  chmodSync(launcher, 0o755);
  writeFileSync(join(folder, "s3proxy.toml"), "");
  const { bucket, region, endpoint, accessKeyId, secretAccessKey } = site.location;
  environment = {
    PATH: `${join(folder, "bin")}:${process.env.PATH}`,
    S3_BUCKET: bucket,
    AWS_REGION: region,
    S3_ENDPOINT: endpoint,
    AWS_KEY: accessKeyId,
    AWS_SECRET: secretAccessKey,
    AUTH_KEY,
    PORT: "0",
    THREADS: "2",
    CACHE_DIR: join(folder, "cache"),
    LOG_DIR: join(folder, "logs"),
    ILP_HOST: "127.0.0.1",
    ILP_PORT: String(questDb.port),
    CONFIG_FILE: join(folder, "s3proxy.toml"),
  };
});
afterAll(async () => {
  proxy?.signal("SIGKILL");
  await proxy?.ended;
  await site?.stop();
  await questDb?.stop();
});

/** Everything in the log files whose names match. */
function logged(name: RegExp): string {
  const files = readdirSync(join(folder, "logs")).filter((file) => name.test(file));
  return files.map((file) => readFileSync(join(folder, "logs", file), "utf8")).join("");
}

async function run(commands: string): Promise<string> {
  const { stdout, stderr, exitCode } = await spawnProxy([commands], environment, ["sh", "-ec"]).ended;
  expect({ commands, exitCode, stderr }).toMatchObject({ exitCode: 0 });
  return stdout;
}

/** In the background, as its service would. */
async function start(commands: string): Promise<string> {
  proxy = spawnProxy([`exec ${commands}`], { ...environment, CONSOLE: "true" }, ["sh", "-ec"]);
  const port = await listeningPort(proxy);
  Object.assign(environment, { PORT: String(port), S3PROXY_PID: String(proxy.pid) });
  return "";
}

/** How many visits wait on disk. */
async function spooled(): Promise<number> {
  const { text } = await ask(Number(environment.PORT), { path: "/_proxy/metrics" });
  return valueIn(parseExposition(text), "s3proxy_sink_spooled_visits", { sink: "questdb" }) ?? 0;
}

async function runMarked({ mark, commands }: Block): Promise<string> {
  switch (mark) {
    case "start":
      return start(commands);
    case "reload": {
      const said = await run(commands);
      await until(() => /log-level/.test(logged(/-proxy-\d/)));
      return said;
    }
    case "outage": {
      await ask(Number(environment.PORT), { path: "/index.html" });
      await site.gate.refuse(true);
      const said = await run(commands);
      await site.gate.refuse(false);
      return said;
    }
    case "spool": {
      await questDb.refuse(true);
      // What QuestDB's connection has taken when it breaks is QuestDB's to store; the next is the spool's.
      await until(async () => {
        await ask(Number(environment.PORT), { path: "/index.html" });
        return (await spooled()) > 0 && logged(/-proxy-\d/).includes("Visits can't be stored");
      });
      const said = await run(commands);
      await questDb.refuse(false);
      await until(async () => (await spooled()) === 0);
      return said;
    }
    case "stop": {
      const said = await run(commands);
      expect((await proxy?.ended)?.exitCode).toBe(0);
      return said;
    }
    default:
      if (commands.includes("access")) await until(() => logged(/access/).includes("/missing"));
      return run(commands);
  }
}

test("every block that can be run has its expectation", () => {
  expect(BLOCKS.length).toBe(PRINTED.length);
});

test.each(BLOCKS.map((block, index) => [block.commands.split("\n")[0] ?? "", block, index] as const))(
  "%s",
  async (_, block, index) => {
    expect(await runMarked(block)).toMatch(PRINTED[index] ?? /never/);
  },
);

test("the document stays one that is read to its end", () => {
  expect(DOCUMENT.split("\n").length).toBeLessThan(250);
});
