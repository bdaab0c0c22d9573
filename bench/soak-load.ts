/** The loads of the soak: as much as goes with wrk and h2load, and clients of our own that check every byte. */

import { join } from "node:path";
import { bodyOf, type KeyKind, keysOf, randomKey } from "./soak-keys.ts";

/** What a load has found, added up. */
export interface Tally {
  requests: number;
  wrong: number;
  aborted: number;
  cleared: number;
  /** The first few wrong answers, in words. */
  readonly examples: string[];
}

/** A proxy under load. */
export interface Target {
  readonly port: number;
  readonly authKey: string;
  /** For files that the load generators read. */
  readonly folder: string;
}

const EXAMPLES_MOST = 10;
const CLEAR_EVERY_MS = 5_000;
/** Our own clients check more than they load: they leave the processor to wrk and h2load. */
const CHECK_EVERY_MS = 2;
const ABORT_EVERY_MS = 50;
const PAGE_WEIGHT = 10;
const CHECKED_KINDS: readonly KeyKind[] = ["page", "picture", "large", "unstored", "missing", "page", "page"];

/** Counts an answer that isn't what it should be. */
export function addWrong(tally: Tally, what: string, count = 1): void {
  tally.wrong += count;
  if (tally.examples.length < EXAMPLES_MOST) tally.examples.push(what);
}

/** Asks for random keys, one after the other, and checks status and bytes. */
export async function checkAnswers({ port }: Target, untilMs: number, tally: Tally): Promise<void> {
  for (let index = 0; performance.now() < untilMs; index++) {
    await Bun.sleep(CHECK_EVERY_MS);
    const key = randomKey(CHECKED_KINDS[index % CHECKED_KINDS.length] ?? "page");
    const expected = bodyOf(key);
    tally.requests++;
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/${key}`, { keepalive: index % 50 !== 0 });
      const body = Buffer.from(await answer.arrayBuffer());
      const isRight =
        expected === undefined ? answer.status === 404 : answer.status === 200 && body.equals(expected);
      if (!isRight) addWrong(tally, `${key}: ${answer.status}, ${body.length} bytes`);
    } catch (error) {
      addWrong(tally, `${key}: ${(error as Error).message}`);
    }
  }
}

/** Begins large downloads and leaves them in the middle; what came before must be right. */
export async function abortDownloads({ port }: Target, untilMs: number, tally: Tally): Promise<void> {
  while (performance.now() < untilMs) {
    await Bun.sleep(ABORT_EVERY_MS);
    const key = randomKey("huge");
    const leaving = new AbortController();
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/${key}`, { signal: leaving.signal });
      const start = (await answer.body?.getReader().read())?.value ?? new Uint8Array();
      if (answer.status !== 200 || Buffer.compare(start, bodyOf(key)!.subarray(0, start.length)) !== 0) {
        addWrong(tally, `${key}: ${answer.status}, begins with ${start.length} bytes`);
      }
    } catch (error) {
      addWrong(tally, `${key}: ${(error as Error).message}`);
    }
    leaving.abort();
    tally.requests++;
    tally.aborted++;
  }
}

/** Clears the cache every few seconds. */
export async function clearOften({ port, authKey }: Target, untilMs: number, tally: Tally): Promise<void> {
  while (performance.now() + CLEAR_EVERY_MS < untilMs) {
    await Bun.sleep(CLEAR_EVERY_MS);
    const answer = await fetch(`http://127.0.0.1:${port}/_proxy/_private/_cache/clear`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${authKey}` },
    });
    if (answer.status === 200) tally.cleared++;
    else addWrong(tally, `clear: ${answer.status}`);
  }
}

/** Runs wrk and h2load, where they are installed; they ask for every object that is stored and not huge, mostly pages. */
export async function loadWithTools(target: Target, seconds: number, tally: Tally): Promise<void> {
  const pages = keysOf("page");
  const keys = [...Array(PAGE_WEIGHT).fill(pages).flat(), ...keysOf("picture"), ...keysOf("large")];
  const paths = keys.map((key) => `/${key}`);
  const base = `http://127.0.0.1:${target.port}`;
  const [script, list] = [join(target.folder, "paths.lua"), join(target.folder, "uris.txt")];
  const lua = `local paths = { ${paths.map((path) => `"${path}"`).join(", ")} }\nfunction request() return wrk.format("GET", paths[math.random(#paths)]) end\n`;
  await Bun.write(script, lua);
  await Bun.write(list, paths.map((path) => `${base}${path}\n`).join(""));
  await Promise.all([
    runTool(["wrk", "-t1", "-c32", `-d${seconds}s`, "-s", script, base], tally, readWrk),
    runTool(["h2load", "-t1", "-c8", "-m16", `-D${seconds}`, "-i", list], tally, readH2load),
  ]);
}

async function runTool(
  command: readonly string[],
  tally: Tally,
  read: (output: string, tally: Tally) => void,
): Promise<void> {
  if (Bun.which(command[0] ?? "") === null) return;
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [output, errors, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  if (exitCode === 0) read(output, tally);
  else addWrong(tally, `${command[0]} ended with ${exitCode}: ${errors}`);
}

function readWrk(output: string, tally: Tally): void {
  tally.requests += Number(/(\d+) requests in/.exec(output)?.[1] ?? 0);
  const trouble = /Socket errors:.*|Non-2xx or 3xx responses:.*/.exec(output)?.[0];
  if (trouble !== undefined) addWrong(tally, `wrk: ${trouble}`, Number(/\d+$/.exec(trouble)?.[0] ?? 1) || 1);
}

function readH2load(output: string, tally: Tally): void {
  const [, done, failed] = /^requests: .*?(\d+) done, .*?(\d+) failed/m.exec(output) ?? [];
  const [, redirected, refused, broken] =
    /^status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/m.exec(output) ?? [];
  tally.requests += Number(done);
  const wrong = [failed, redirected, refused, broken].reduce((sum, count) => sum + Number(count ?? 0), 0);
  if (wrong > 0)
    addWrong(tally, `h2load: ${failed} failed, 3xx ${redirected}, 4xx ${refused}, 5xx ${broken}`, wrong);
}
