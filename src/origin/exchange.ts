/** One question to S3 and its answer, with a deadline for each wait. Knows nothing of credentials or retries. */

import { bodyOf, failureOf, readWhole } from "./body.ts";
import { type Deadline, startDeadline } from "./deadline.ts";
import { headOf } from "./head.ts";
import type { Failure, FailureCode, OriginAnswer, OriginObject, OriginRequest } from "./origin.ts";
import { judge, parseS3Error, type S3Error, type Verdict } from "./s3-error.ts";

/** Most of an error document that is read, in bytes. */
const ERROR_DOCUMENT_BYTES = 64 * 1024;

/** A failure with what S3 said of it. */
export interface FailedExchange {
  readonly kind: "failed";
  readonly failure: Failure;
  readonly error?: S3Error;
}

/** What one exchange can come to. */
export type Exchanged =
  | Extract<OriginAnswer, { kind: "object" | "unchanged" }>
  /** Only to a question with `If-Match`: the object is another one. */
  | { readonly kind: "changed" }
  /** Only to a question with `Range`: the object has no such bytes. */
  | { readonly kind: "unsatisfiable"; readonly objectBytes: number | undefined }
  | Exclude<Verdict, { kind: "failed" }>
  | FailedExchange;

/** What an exchange came to, in a word. */
export type Outcome = Exclude<Exchanged["kind"], "failed"> | FailureCode;

/** Is told of every exchange, and must not throw. */
export interface ExchangeObserver {
  /** The head of the answer has come, or the failure, after so many nanoseconds. */
  answered(outcome: Outcome, tookNs: number): void;
  /** So many bytes of a body have come. */
  received(bytes: number): void;
}

/** Sends the request. Never throws; a body that is then read may. */
export async function exchange(request: OriginRequest, observer?: ExchangeObserver): Promise<Exchanged> {
  if (observer === undefined) return send(request);
  const startedNs = Bun.nanoseconds();
  const exchanged = await send(request, (bytes) => observer.received(bytes));
  const outcome = exchanged.kind === "failed" ? exchanged.failure.code : exchanged.kind;
  observer.answered(outcome, Bun.nanoseconds() - startedNs);
  return exchanged;
}

async function send(request: OriginRequest, onBytes?: (bytes: number) => void): Promise<Exchanged> {
  const deadline = startDeadline(request.deadlineMs);
  try {
    const response = await fetch(request.url, {
      headers: request.headers,
      decompress: false,
      redirect: "manual",
      signal: deadline.signal,
    });
    deadline.pause();
    if (response.status === 200) return receivedObject(response, deadline, onBytes);
    if (response.status === 206 && "range" in request.headers)
      return receivedPart(response, deadline, onBytes);
    if (response.status === 304 && isConditional(request))
      return { kind: "unchanged", head: headOf(response.headers) };
    const document = await readWhole(bodyOf(response, deadline, undefined, onBytes), ERROR_DOCUMENT_BYTES);
    if (response.status === 412 && "if-match" in request.headers) return { kind: "changed" };
    const region = response.headers.get("x-amz-bucket-region");
    const error = parseS3Error(document.toString(), response.status, region);
    if (response.status === 416 && "range" in request.headers)
      return { kind: "unsatisfiable", objectBytes: error.objectBytes };
    return judge(response.status, error);
  } catch (error) {
    return { kind: "failed", failure: failureOf(error, deadline) };
  } finally {
    deadline.pause();
  }
}

/** RFC 9110 section 14.4: a part of which S3 doesn't say where it belongs can't be used. */
function receivedPart(response: Response, deadline: Deadline, onBytes?: (bytes: number) => void): Exchanged {
  const range = response.headers.get("content-range") ?? "";
  const [, first, last, objectBytes] = (CONTENT_RANGE.exec(range) ?? []).map(Number);
  if (first === undefined || last === undefined || objectBytes === undefined) {
    deadline.abort();
    return {
      kind: "failed",
      failure: { code: "origin-failed", reason: `Part with Content-Range "${range}"` },
    };
  }
  const head = headOf(response.headers);
  const contentLength = last - first + 1;
  const body = bodyOf(response, deadline, contentLength, onBytes);
  return { kind: "object", head, body, contentLength, part: { first, last, objectBytes } };
}

const CONTENT_RANGE = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/;

function receivedObject(
  response: Response,
  deadline: Deadline,
  onBytes?: (bytes: number) => void,
): OriginObject {
  const length = response.headers.get("content-length");
  const contentLength = length !== null && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
  const head = headOf(response.headers);
  const body = bodyOf(response, deadline, contentLength, onBytes);
  const received = { kind: "object", head, body } as const;
  return contentLength === undefined ? received : { ...received, contentLength };
}

function isConditional({ headers }: OriginRequest): boolean {
  return "if-none-match" in headers || "if-modified-since" in headers;
}
