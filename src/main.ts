/** Entry point: command line, start, signals, exit code. */

import { closeSync, openSync } from "node:fs";
import { type App, startApp } from "./app.ts";
import { commands, readCommand } from "./config/commands.ts";
import { completeConfig } from "./config/config.ts";
import { type GivenOptions, parseOptions } from "./config/parse.ts";
import { usage } from "./config/usage.ts";
import { UsageError } from "./config/usage-error.ts";
import { version } from "./config/version.ts";
import { StartError } from "./start/start-error.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const;
/**
 * Ctrl-C reaches every process of the terminal's group, systemd's stop every process of the unit, and launchers pass
 * both on: one wish can arrive several times. A signal so shortly after the first, in milliseconds, is the same one.
 */
const SAME_WISH_MS = 100;

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const { command, rest } = readCommand(process.argv.slice(2));
    const options = parseOptions(rest, process.env, command && commands[command].options);
    if (options.help) return say(usage(command));
    if (options.version) return say(`s3proxy ${version}\n`);
    if (command === undefined) return await serve(rest, options);
    const { runCommand } = await import("./commands/run.ts");
    const exitCode = (await runCommand(command, rest)) ? 0 : EXIT_FAILED;
    // Nothing that is still under way is waited for, but what has been said.
    process.stdout.write("", () => process.exit(exitCode));
    return exitCode;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return complain(error.message, EXIT_USAGE);
  }
}

async function serve(args: readonly string[], options: GivenOptions): Promise<number> {
  const asked = onFirstSignal();
  const hangUps = noteHangUps();
  try {
    const app = await startApp(completeConfig(options), asked);
    if (app === undefined) process.exit(0);
    hangUps.from(() => app.reload(() => completeConfig(parseOptions(args, process.env))));
    logCrashes(app);
    const why = await Promise.race([
      asked.then(() => "Stopping"),
      app.replaced.then(() => "Another s3proxy has taken over"),
    ]);
    const { log } = app.processLog;
    log.info(`${why}, requests in flight are finished`);
    await app.stop();
    log.info("Stopped");
    await app.processLog.flush();
    process.exit(0);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    process.exit(complain(error.message, EXIT_FAILED));
  }
}

/** Resolves at the first SIGINT or SIGTERM; a second one exits at once. */
function onFirstSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let firstAtMs: number | undefined;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      const nowMs = performance.now();
      if (firstAtMs === undefined) {
        firstAtMs = nowMs;
        resolve();
      } else if (nowMs - firstAtMs > SAME_WISH_MS) {
        process.exit(128 + SIGNAL_NUMBERS[signal]);
      }
    });
  }
  return promise;
}

/**
 * SIGHUP asks for what was changed to be read again; one that comes during the start counts once that is done. It also comes when the
 * terminal is closed that the program was started on, and asks for its end then.
 */
function noteHangUps() {
  const { promise: started, resolve: from } = Promise.withResolvers<() => void>();
  const isOnTerminal = (process.stdin.isTTY || process.stdout.isTTY) && hasTerminal();
  process.on("SIGHUP", async () => {
    if (isOnTerminal && !hasTerminal()) process.kill(process.pid, "SIGTERM");
    else (await started)();
  });
  return { from };
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}

/** A programmer's mistake outside any request: the log gets it before the process ends. */
function logCrashes({ processLog }: App): void {
  const crash = async (error: unknown) => {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    processLog.log.critical("Crashed", { reason: message, stack });
    await processLog.flush();
    process.exit(EXIT_FAILED);
  };
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

function complain(message: string, exitCode: number): number {
  process.stderr.write(`s3proxy: ${message.replaceAll("\n", " ")}\n`);
  return exitCode;
}
