/** What a check has found, and how it is shown. */

/**
 * - `ok`: as it should be
 * - `warning`: it works, and could go wrong or costs something
 * - `failed`: serving can't work, or not as it was asked for
 * - `skipped`: can't be known because of what failed before
 */
export type State = "ok" | "warning" | "failed" | "skipped";

/** The outcome of one check: for anything but `ok` the text says what to do. */
export interface Outcome {
  readonly state: State;
  readonly text: string;
}

/** An outcome with what was looked at, in a word. */
export interface Finding extends Outcome {
  readonly check: string;
}

export const ok = (text: string): Outcome => ({ state: "ok", text });
export const warning = (text: string): Outcome => ({ state: "warning", text });
export const failed = (text: string): Outcome => ({ state: "failed", text });
export const skipped = (text: string): Outcome => ({ state: "skipped", text });

/** True where nothing has failed. */
export function isGood(findings: readonly Finding[]): boolean {
  return !findings.some(({ state }) => state === "failed" || state === "skipped");
}

const NAME_COLUMNS = 12;
const SIGNS: Readonly<Record<State, readonly [sign: string, color: string]>> = {
  ok: ["✓", "\u001b[32m"],
  warning: ["!", "\u001b[33m"],
  failed: ["✗", "\u001b[31m"],
  skipped: ["-", "\u001b[2m"],
};
const PLAIN = "\u001b[0m";
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** One line for people. What others have said is in it, so it is made harmless for a terminal. */
export function lineOf({ check, state, text }: Finding, isColored: boolean): string {
  const [sign, color] = SIGNS[state];
  const shown = isColored ? `${color}${sign}${PLAIN}` : sign;
  return `${shown} ${check.padEnd(NAME_COLUMNS)} ${text.replace(CONTROLS, " ")}`;
}

/** All of them for a program: one line of JSON. */
export function jsonOf(findings: readonly Finding[]): string {
  return JSON.stringify({ ok: isGood(findings), checks: findings });
}
