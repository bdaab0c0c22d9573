/** S3's error documents, and what each means to us. */

import type { Failure, FailureCode, Said } from "./origin.ts";
import { rootElement, textOf } from "./xml.ts";

/** What is read of an S3 error document. Never sent to a client. */
export interface S3Error {
  readonly code: string;
  readonly message: string;
  /** The region S3 names where the request went to the wrong one. */
  readonly region?: string;
  /** How long the object is, where S3 says so because a range lies beyond it. */
  readonly objectBytes?: number;
}

/** What an answer that isn't the object means. */
export type Verdict =
  | { readonly kind: "missing"; readonly said: Said }
  | { readonly kind: "denied"; readonly said: Said }
  | { readonly kind: "failed"; readonly failure: Failure; readonly error: S3Error };

/** Longest part of a message that is kept, in characters: error documents can quote the whole request. */
const MESSAGE_CHARACTERS = 200;

const REFUSALS: ReadonlySet<string> = new Set([
  "InvalidAccessKeyId",
  "SignatureDoesNotMatch",
  "ExpiredToken",
  "InvalidToken",
  "TokenRefreshRequired",
  "AuthorizationHeaderMalformed",
  "AccountProblem",
  "AllAccessDisabled",
  "NotSignedUp",
  "InvalidSecurity",
  "RequestTimeTooSkewed",
  "NoSuchBucket",
  "InvalidBucketName",
  "PermanentRedirect",
  "TemporaryRedirect",
  "IllegalLocationConstraintException",
]);

/** Codes that say the credentials (not the bucket, the region or the clock) are wrong. */
export const CREDENTIAL_CODES: ReadonlySet<string> = new Set([
  "InvalidAccessKeyId",
  "SignatureDoesNotMatch",
  "ExpiredToken",
  "InvalidToken",
  "TokenRefreshRequired",
  "AccountProblem",
  "AllAccessDisabled",
  "NotSignedUp",
  "InvalidSecurity",
]);

/**
 * Reads an error document.
 *
 * @param xml the body, which may be empty or something else
 * @param status the answer's status, used where the body says nothing
 * @param regionHeader the value of `x-amz-bucket-region`, where there is one
 */
export function parseS3Error(xml: string, status: number, regionHeader: string | null): S3Error {
  const element = rootElement(xml, "Error");
  const code = textOf(element, "Code") ?? `HTTP ${status}`;
  const message = (textOf(element, "Message") ?? "").slice(0, MESSAGE_CHARACTERS);
  const expected = /expecting '([a-z0-9-]+)'/.exec(message)?.[1];
  const region = regionHeader ?? textOf(element, "Region") ?? expected;
  const size = textOf(element, "ActualObjectSize") ?? "";
  return {
    code,
    message,
    ...(region === undefined ? {} : { region }),
    ...(/^\d{1,15}$/.test(size) ? { objectBytes: Number(size) } : {}),
  };
}

/** What an answer with this status and error means for the key that was asked. */
export function judge(status: number, error: S3Error): Verdict {
  const said = { status, code: error.code };
  if (error.code === "NoSuchKey" || error.code === "NoSuchVersion") return { kind: "missing", said };
  // S3 refuses keys of more than 1,024 bytes; such a key can't name an object.
  if (error.code === "KeyTooLongError") return { kind: "missing", said };
  const isMoved = status >= 300 && status < 400 && status !== 304;
  if (REFUSALS.has(error.code) || isMoved) return failed("origin-refused", error);
  if (error.code === "InvalidObjectState") return failed("origin-unreadable", error);
  if (status === 404) return { kind: "missing", said };
  if (error.code === "AccessDenied" || status === 403) return { kind: "denied", said };
  if (error.code === "SlowDown" || status === 503 || status === 429) return failed("origin-busy", error);
  if (status === 401) return failed("origin-refused", error);
  return failed("origin-failed", error);
}

function failed(code: FailureCode, error: S3Error): Verdict {
  const reason = error.message === "" ? error.code : `${error.code}: ${error.message}`;
  return { kind: "failed", failure: { code, reason }, error };
}

/** What the user is told at the start when S3 says that something is wrong for good. */
export function describeRefusal(
  error: S3Error,
  asked: { readonly bucket: string; readonly region: string },
): string {
  const { code, message, region } = error;
  const said = message === "" ? `S3 says ${code}` : `S3 says ${code}: ${message}`;
  if (region !== undefined && region !== asked.region) {
    return `Bucket "${asked.bucket}" is in region "${region}", not "${asked.region}", wanted --region ${region} (${said})`;
  }
  if (CREDENTIAL_CODES.has(code)) return `S3 does not accept the credentials (${said})`;
  if (code === "NoSuchBucket") return `Bucket "${asked.bucket}" does not exist (${said})`;
  return `S3 refuses bucket "${asked.bucket}" in region "${asked.region}" (${said})`;
}
