/**
 * Loaded before the program where a test moves its clock (`bun --preload`): every SIGUSR2 puts it forward by the
 * milliseconds that CLOCK_STEP_MS in the environment says, and is confirmed on stdout.
 */

const stepMs = Number(process.env.CLOCK_STEP_MS);
const realNow = Date.now;
let aheadMs = 0;
Date.now = () => realNow() + aheadMs;
process.on("SIGUSR2", () => {
  aheadMs += stepMs;
  process.stdout.write(`Clock is ${aheadMs} ms ahead\n`);
});
