/**
 * Loaded into the program before its own code, so that a test need not wait for its connections' deadlines: what Bun.serve is told of
 * them is divided. Bun's clock for connections has steps of 4 s, so they still take a while. Only the main thread is changed, so use
 * one thread.
 */

const DIVISOR = "SHORT_IDLE_DIVISOR";

/** The environment to start the program in; connections are idle `divisor` times sooner. */
export function shortIdle(divisor: number): Readonly<Record<string, string>> {
  return { BUN_OPTIONS: `--preload ${import.meta.path}`, [DIVISOR]: String(divisor) };
}

const divisor = Number(process.env[DIVISOR] ?? "1");
if (divisor !== 1) {
  const serve = Bun.serve;
  const shortened = (seconds: number) => Math.ceil(seconds / divisor);
  const serveSooner = (options: Bun.Serve.Options<undefined> & { idleTimeout: number }) => {
    const server = serve<undefined>({ ...options, idleTimeout: shortened(options.idleTimeout) });
    const timeout = server.timeout.bind(server);
    server.timeout = (request, seconds) => timeout(request, shortened(seconds));
    return server;
  };
  Bun.serve = serveSooner as typeof serve;
}
