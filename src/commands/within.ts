/**
 * The promise, or a rejection where it takes longer.
 *
 * @param deadlineMs milliseconds
 * @param start is given a signal that aborts then
 */
export async function within<Value>(
  deadlineMs: number,
  start: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const controller = new AbortController();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error(`No answer within ${deadlineMs / 1000} s`));
    controller.abort();
  }, deadlineMs);
  try {
    return await Promise.race([start(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
