import { join } from "node:path";
import { ensureVersitygw } from "./versitygw.ts";

// Tests versitygw itself, then the proxy end to end against it. Without versitygw this fails; it never skips.
const TEST_PATHS = ["./test/services/versitygw-contract.ts", "test/e2e"];

const program = await ensureVersitygw().catch((error: Error) => {
  console.error(`The end-to-end tests need versitygw. ${error.message}`);
  process.exit(1);
});
for (const testPath of TEST_PATHS) {
  const child = Bun.spawn([process.execPath, "test", testPath], {
    cwd: join(import.meta.dir, "../.."),
    env: { ...process.env, S3_TEST_BACKEND: "versitygw", VERSITYGW: program },
    stdio: ["inherit", "inherit", "inherit"],
  });
  const exitCode = await child.exited;
  if (exitCode !== 0) process.exit(exitCode);
}
