/** Which of two forms of an answer a client likes better: RFC 9110 section 12.5.1. */

/** True where an `Accept` weighs `text/plain` above `application/json`; false where it weighs them alike or is absent. */
export function acceptsTextRather(accept: string | null): boolean {
  const weights = new Map<string, number>();
  for (const member of (accept ?? "").toLowerCase().split(",")) {
    const [, range = "", weight = "1"] = MEMBER.exec(member.trim()) ?? [];
    weights.set(range, Number(weight));
  }
  const weightOf = (type: string) =>
    weights.get(type) ?? weights.get(`${type.split("/")[0]}/*`) ?? weights.get("*/*") ?? 0;
  return weightOf("text/plain") > weightOf("application/json");
}

/** A media range with or without a weight (section 12.4.2); one with parameters of its own is none of ours. */
const MEMBER = /^([^;\s]+)(?:\s*;\s*charset=[^;\s]*)?(?:\s*;\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/;
