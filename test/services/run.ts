import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ensureChromium } from "./chromium.ts";
import { ensureVersitygw } from "./versitygw.ts";

// Tests HTTP/2 with h2spec; then versitygw itself, and the proxy end to end against it; then the sinks of visits, and the program with
// both, against QuestDB and a MongoDB server; then several nodes on Redis; then a browser on the sample site; then what is shipped. Without one of the programs this
// fails; it never skips.
const ROOT = join(import.meta.dir, "../..");
/** Of the end-to-end tests those that run against any S3: the others bring one of their own, and `npm test` has run them. */
const anyS3 = [...new Bun.Glob("test/e2e/*.test.ts").scanSync(ROOT)]
  .filter((path) => /\bstart(?:Backend|Site)\b/.test(readFileSync(join(ROOT, path), "utf8")))
  .map((path) => `./${path}`)
  .sort();
if (anyS3.length === 0) throw new Error("No end-to-end test runs against any S3");

const program = await ensureVersitygw().catch((error: Error) => {
  console.error(`The end-to-end tests need versitygw. ${error.message}`);
  process.exit(1);
});
const browser = await ensureChromium().catch((error: Error) => {
  console.error(`The test of the sample site needs a browser. ${error.message}`);
  process.exit(1);
});
for (const testPaths of [
  ["./test/services/h2spec-conformance.ts"],
  ["./test/services/versitygw-contract.ts"],
  anyS3,
  ["./test/services/questdb-contract.ts"],
  ["./test/services/mongodb-contract.ts"],
  ["./test/services/visits-stored.ts"],
  ["./test/services/visits-outages.ts"],
  ["./test/services/readme-queries.ts"],
  ["./test/services/nodes.ts"],
  ["./test/services/nodes-state.ts"],
  ["./test/services/second-tier.ts"],
  ["./test/services/nodes-takeover.ts"],
  ["./test/services/browser.ts"],
  ["./test/services/dashboard.ts"],
  ["./test/services/arm64.ts"],
  ["./test/services/image.ts"],
  ["./test/services/systemd.ts"],
  ["./test/services/helm.ts"],
  ["./test/services/envoy.ts"],
  ["./test/services/compose.ts"],
]) {
  const child = Bun.spawn([process.execPath, "test", ...testPaths], {
    cwd: ROOT,
    env: { ...process.env, S3_TEST_BACKEND: "versitygw", VERSITYGW: program, CHROMIUM: browser },
    stdio: ["inherit", "inherit", "inherit"],
  });
  const exitCode = await child.exited;
  if (exitCode !== 0) process.exit(exitCode);
}
