/** What stands for a secret in a line. */
const HIDDEN = "[hidden]";
/** Shorter secrets are not searched for: they would hide ordinary words. */
const LEAST_SECRET_CHARACTERS = 6;

/**
 * A function that hides every one of `secrets` in a line, also as URL-encoded or JSON-escaped text. The last line
 * of defence: nothing is meant to log a secret in the first place.
 */
export function redactor(secrets: readonly (string | undefined)[]): (line: string) => string {
  const forms = new Set<string>();
  for (const secret of secrets) {
    if (secret === undefined || secret.length < LEAST_SECRET_CHARACTERS) continue;
    forms.add(secret).add(encodeURIComponent(secret)).add(JSON.stringify(secret).slice(1, -1));
  }
  const list = [...forms].sort((a, b) => b.length - a.length);
  return (line) => list.reduce((text, secret) => text.replaceAll(secret, HIDDEN), line);
}
