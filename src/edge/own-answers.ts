/** Answers that are the proxy's own, for operators and their programs. */

import { noteBody } from "./handed-over.ts";

/** An answer that is JSON, and is stored by nobody. */
export function json(status: number, value: unknown, headers: Record<string, string> = {}): Response {
  return own(status, "application/json", `${JSON.stringify(value)}\n`, headers);
}

/** What is wrong with a request, as JSON. */
export function problem(status: number, error: string, headers: Record<string, string> = {}): Response {
  return json(status, { error }, headers);
}

/** An answer that is text of some type, and is stored by nobody. To a HEAD Bun sends its head alone, with the right length. */
export function own(
  status: number,
  contentType: string,
  text: string,
  headers: Record<string, string> = {},
): Response {
  const response = new Response(text, {
    status,
    headers: {
      "content-type": contentType,
      "cache-control": "no-store",
      // Bun leaves it out of the answer to a HEAD.
      date: new Date().toUTCString(),
      ...headers,
    },
  });
  return noteBody(response, Buffer.byteLength(text));
}
