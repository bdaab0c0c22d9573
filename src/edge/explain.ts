/** `GET /_proxy/_private/explain?path=/x`: why a path is answered as it is. It asks S3 nothing and changes nothing. */

import type { Operations } from "../telemetry/operations.ts";
import { acceptsTextRather } from "./accept.ts";
import { explanationOf, explanationText } from "./explanation.ts";
import type { PathFacts } from "./explanation-words.ts";
import { json, own, problem } from "./own-answers.ts";
import { isTooLong, meaningOf, pathOfKey } from "./route.ts";
import type { WebsiteConfig } from "./website-config.ts";

/** What the endpoint needs. */
export interface ExplainParts {
  readonly operations: Operations;
  readonly website: WebsiteConfig;
  readonly nowMs: () => number;
}

/** Answers in JSON, and in text where the client likes that better. */
export async function explainPath({ url, headers }: Request, parts: ExplainParts): Promise<Response> {
  const path = pathIn(url);
  if (path === undefined) return problem(400, 'The query string must be "path=<path>"');
  const explanation = explanationOf(await factsOf(path, parts));
  const vary = { vary: "Accept" };
  return acceptsTextRather(headers.get("accept"))
    ? own(200, "text/plain; charset=utf-8", explanationText(explanation), vary)
    : json(200, explanation, vary);
}

async function factsOf(path: string, { operations, website, nowMs }: ExplainParts): Promise<PathFacts> {
  const meaning = meaningOf(path, website.indexDocument);
  const factsOfKey = async (key: string | undefined) =>
    key === undefined || isTooLong(key) ? undefined : operations.explain(key);
  const key = meaning.kind === "object" ? meaning.key : undefined;
  const index = key === undefined || path.endsWith("/") ? undefined : `${key}/${website.indexDocument}`;
  const [known, folder, errorDocument] = await Promise.all(
    [key, index, website.errorDocument].map(factsOfKey),
  );
  return { path, meaning, website, nowMs: nowMs(), key: known, folder, errorDocument };
}

/**
 * The path that is asked about: percent-encoded as in a request, where `%2F` is taken for a slash so that tools may encode
 * it whole, and a query behind it counts for nothing. One that can't be decoded is taken as it came.
 */
function pathIn(url: string): string | undefined {
  const [, value] = /\?path=([^&?]*)(?:[&?].*)?$/.exec(url) ?? [];
  if (value === undefined) return undefined;
  try {
    return `/${pathOfKey(decodeURIComponent(value).replace(/^\//, ""))}`;
  } catch {
    return value.startsWith("/") ? value : `/${value}`;
  }
}
