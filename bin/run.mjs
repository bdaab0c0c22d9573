/** Runs a program as if this process were it: its output, its signals, its exit code. */
import { spawn } from "node:child_process";
import { constants } from "node:os";

const PASSED_ON = ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"];

/**
 * Starts `command` with `args`, passes signals on, and exits with its exit code
 * (128 + the signal's number where a signal ended it, as a shell would).
 */
export function runAs(command, args) {
  const child = spawn(command, args, { stdio: "inherit" });
  for (const signal of PASSED_ON) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`s3proxy: cannot start Bun at "${command}": ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}
