/** The loads of the soak: as much as goes with wrk and h2load, and clients of our own that check every byte. */

import { join } from "node:path";
import { bodyOf, type KeyKind, keysOf, randomKey } from "./soak-keys.ts";

/** What a load has found, added up. */
export interface Tally {
  requests: number;
  wrong: number;
  /** Answers that ended without an end, where threads are ended on purpose. */
  broken: number;
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
  /** True where threads are ended under load: connections that break are no wrong answers then. */
  readonly losesThreads: boolean;
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

/** Counts an answer that broke off. */
function addBroken(tally: Tally, { losesThreads }: Target, what: string, count = 1): void {
  if (losesThreads) tally.broken += count;
  else addWrong(tally, what, count);
}

/** Asks for random keys, one after the other, and checks status and bytes. */
export async function checkAnswers(target: Target, untilMs: number, tally: Tally): Promise<void> {
  for (let index = 0; performance.now() < untilMs; index++) {
    await Bun.sleep(CHECK_EVERY_MS);
    const key = randomKey(CHECKED_KINDS[index % CHECKED_KINDS.length] ?? "page");
    const expected = bodyOf(key);
    tally.requests++;
    try {
      const answer = await fetch(`http://127.0.0.1:${target.port}/${key}`, { keepalive: index % 50 !== 0 });
      const body = Buffer.from(await answer.arrayBuffer());
      const isRight =
        expected === undefined ? answer.status === 404 : answer.status === 200 && body.equals(expected);
      if (!isRight) addWrong(tally, `${key}: ${answer.status}, ${body.length} bytes`);
    } catch (error) {
      addBroken(tally, target, `${key}: ${(error as Error).message}`);
    }
  }
}

/** Begins large downloads and leaves them in the middle; what came before must be right. */
export async function abortDownloads(target: Target, untilMs: number, tally: Tally): Promise<void> {
  while (performance.now() < untilMs) {
    await Bun.sleep(ABORT_EVERY_MS);
    const key = randomKey("huge");
    const leaving = new AbortController();
    try {
      const answer = await fetch(`http://127.0.0.1:${target.port}/${key}`, { signal: leaving.signal });
      const start = (await answer.body?.getReader().read())?.value ?? new Uint8Array();
      if (answer.status !== 200 || Buffer.compare(start, bodyOf(key)!.subarray(0, start.length)) !== 0) {
        addWrong(tally, `${key}: ${answer.status}, begins with ${start.length} bytes`);
      }
    } catch (error) {
      addBroken(tally, target, `${key}: ${(error as Error).message}`);
    }
    leaving.abort();
    tally.requests++;
    tally.aborted++;
  }
}

/** Clears the cache every few seconds. */
export async function clearOften(target: Target, untilMs: number, tally: Tally): Promise<void> {
  while (performance.now() + CLEAR_EVERY_MS < untilMs) {
    await Bun.sleep(CLEAR_EVERY_MS);
    try {
      const answer = await fetch(`http://127.0.0.1:${target.port}/_proxy/_private/_cache/clear`, {
        method: "DELETE",
        headers: { authorization: `Bearer ${target.authKey}` },
      });
      if (answer.status === 200) tally.cleared++;
      else addWrong(tally, `clear: ${answer.status}`);
    } catch (error) {
      addBroken(tally, target, `clear: ${(error as Error).message}`);
    }
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
    runTool(
      ["wrk", "-t1", "-c32", "--timeout", "20s", `-d${seconds}s`, "-s", script, base],
      target,
      tally,
      readWrk,
    ),
    runTool(["h2load", "-t1", "-c8", "-m16", `-D${seconds}`, "-i", list], target, tally, readH2load),
  ]);
}

/** Adds what a tool's output says to a tally. */
type Reader = (output: string, target: Target, tally: Tally) => void;

async function runTool(
  command: readonly string[],
  target: Target,
  tally: Tally,
  read: Reader,
): Promise<void> {
  if (Bun.which(command[0] ?? "") === null) return;
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [output, errors, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  if (exitCode === 0) read(output, target, tally);
  else addWrong(tally, `${command[0]} ended with ${exitCode}: ${errors}`);
}

function readWrk(output: string, target: Target, tally: Tally): void {
  tally.requests += Number(/(\d+) requests in/.exec(output)?.[1] ?? 0);
  const broken = /Socket errors: (.*)/.exec(output)?.[1];
  if (broken !== undefined) addBroken(tally, target, `wrk: ${broken}`, sumOf(broken.match(/\d+/g)));
  const refused = /Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1];
  // Bun answers 500 for what was in flight on a thread that ends by an error.
  if (refused !== undefined) addBroken(tally, target, `wrk: ${refused} refused`, Number(refused));
}

function readH2load(output: string, target: Target, tally: Tally): void {
  const [, done, failed] = /^requests: .*?(\d+) done, .*?(\d+) failed/m.exec(output) ?? [];
  const [, redirected, refused, lost] =
    /^status codes: .*?(\d+) 3xx, (\d+) 4xx, (\d+) 5xx/m.exec(output) ?? [];
  tally.requests += Number(done);
  // Bun answers 500 for what was in flight on a thread that ends by an error.
  const broken = Number(failed) + Number(lost);
  const wrong = Number(redirected) + Number(refused);
  if (broken > 0) addBroken(tally, target, `h2load: ${failed} failed, ${lost} 5xx`, broken);
  if (wrong > 0) addWrong(tally, `h2load: ${redirected} 3xx, ${refused} 4xx`, wrong);
}

function sumOf(numbers: readonly string[] | null): number {
  return (numbers ?? []).reduce((sum, text) => sum + Number(text), 0);
}
