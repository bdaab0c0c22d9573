/** A deadline that runs only while something is waited for. */
export interface Deadline {
  /** The longest wait, in milliseconds. */
  readonly limitMs: number;
  /** Aborted when the deadline passes, or by `abort`. */
  readonly signal: AbortSignal;
  /** True once the deadline has passed, so that an abort of our own isn't taken for a time-out. */
  readonly hasPassed: boolean;
  /** Starts the full time again. */
  resume(): void;
  /** Stops the clock until `resume`. */
  pause(): void;
  /** Aborts at once. */
  abort(): void;
}

/** Starts a deadline of `limitMs` milliseconds; it runs until paused. */
export function startDeadline(limitMs: number): Deadline {
  const controller = new AbortController();
  let hasPassed = false;
  let timer: Timer | undefined;
  const pass = () => {
    hasPassed = true;
    controller.abort();
  };
  const deadline: Deadline = {
    limitMs,
    signal: controller.signal,
    get hasPassed() {
      return hasPassed;
    },
    resume() {
      clearTimeout(timer);
      timer = setTimeout(pass, limitMs);
    },
    pause() {
      clearTimeout(timer);
      timer = undefined;
    },
    abort() {
      clearTimeout(timer);
      controller.abort();
    },
  };
  deadline.resume();
  return deadline;
}
