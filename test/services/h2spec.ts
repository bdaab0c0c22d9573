/** The conformance tests of HTTP/2 that are h2spec's. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureGoProgram } from "./go-program.ts";

/** Version 2.6.0, whose module has no version of its own number. */
const PROGRAM = {
  name: "h2spec",
  module: "github.com/summerwind/h2spec/cmd/h2spec",
  version: "v0.0.0-20200804131034-70ac22940108",
};
/** A case that waits longer for something to come, in seconds, has failed. */
const CASE_DEADLINE_SECONDS = 2;

/** Which server to test. It must answer `/` with 200 and a body. */
export interface H2specTarget {
  readonly host: string;
  readonly port: number;
  /** True to connect over TLS, to whatever certificate. */
  readonly isTls: boolean;
}

/** One case. */
export interface H2specCase {
  /** The section of the specification and the title, such as `http2/6.7 Sends a PING frame`. */
  readonly name: string;
  readonly hasPassed: boolean;
}

/** Runs all cases, the strict ones too. Throws where the program can't be had or doesn't finish. */
export async function runH2spec({ host, port, isTls }: H2specTarget): Promise<H2specCase[]> {
  const program = await ensureGoProgram(PROGRAM);
  const folder = await mkdtemp(join(tmpdir(), "s3proxy-h2spec-"));
  try {
    const report = join(folder, "report.xml");
    const address = ["--host", host, "--port", String(port), ...(isTls ? ["--tls", "--insecure"] : [])];
    const how = ["--strict", "--timeout", String(CASE_DEADLINE_SECONDS), "--junit-report", report];
    const child = Bun.spawn([program, ...address, ...how], { stdio: ["ignore", "pipe", "inherit"] });
    const output = await new Response(child.stdout).text();
    await child.exited;
    if (!(await Bun.file(report).exists())) throw new Error(`h2spec did not finish. ${output}`);
    return casesOf(await Bun.file(report).text());
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The cases of a report in JUnit's form; what a case failed with stands inside of it. A connection that was reset is a closed
 * one: h2spec means to take it for that, but looks for the error itself, which Go wraps in another.
 */
export function casesOf(report: string): H2specCase[] {
  const cases = report.matchAll(/<testcase package="([^"]*)" classname="([^"]*)"[^>]*>(.*?)<\/testcase>/gs);
  return [...cases].map(([, section, title = "", inside = ""]) => ({
    name: `${section} ${title.replaceAll("&#34;", '"').replaceAll("&amp;", "&")}`,
    hasPassed:
      inside === "" || /Connection closed\n.*connection reset by peer<\/(?:error|failure)>/s.test(inside),
  }));
}
