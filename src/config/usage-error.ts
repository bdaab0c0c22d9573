/** What is wrong with a command line, its environment or its configuration file, in one line for the user. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  constructor(message: string) {
    super(message.replace(CONTROLS, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`));
  }
}

const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** A user's text, not longer than a line can bear. */
export function shortened(given: string): string {
  return given.length > 200 ? `${given.slice(0, 200)}...` : given;
}
