import { firstValue } from "./pairs.ts";
import { failureOf, type S3Failure } from "./s3-errors.ts";
import {
  ALGORITHM,
  type CredentialScope,
  canonicalRequest,
  type SignableRequest,
  scopeText,
  signatureOf,
  stringToSign,
  UNSIGNED_PAYLOAD,
} from "./sigv4.ts";

/** Whose signatures are good, where and when. */
export interface SignatureRules {
  accessKeyId: string;
  secretAccessKey: string;
  /** When set, requests must carry it as `x-amz-security-token`. */
  sessionToken?: string;
  region: string;
  nowMs: number;
}

/** A request as it came, with the hash of its body in lower-case hex. */
export interface ReceivedRequest extends SignableRequest {
  bodySha256: string;
}

/** What the signature of a request is worth. */
export type SignatureVerdict = { kind: "signed" | "unsigned" } | { kind: "refused"; failure: S3Failure };

/** The claims of a signature, from the Authorization header or from the query. */
interface Claims {
  form: "header" | "query";
  accessKeyId: string;
  scope: CredentialScope;
  amzDate: string;
  signedHeaders: string[];
  signature: string;
  payloadHash: string;
}

const MAX_SKEW_MS = 15 * 60 * 1000;
const MAX_EXPIRES_SECONDS = 604_800;
const QUERY_PARAMETERS = ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"];

/**
 * Verifies an AWS Signature Version 4 as S3 does, of the Authorization header or of a presigned URL.
 * Source: "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API reference.
 */
export function verifySignature(request: ReceivedRequest, rules: SignatureRules): SignatureVerdict {
  const hasHeader = firstValue(request.headers, "authorization") !== undefined;
  const hasQuery = request.query.some(([name]) => name === "X-Amz-Algorithm" || name === "X-Amz-Signature");
  if (!hasHeader && !hasQuery) return { kind: "unsigned" };
  if (hasHeader && hasQuery) {
    return refused(failureOf("InvalidArgument", {}, "Only one auth mechanism allowed"));
  }
  const claims = hasHeader ? claimsOfHeader(request) : claimsOfQuery(request);
  if ("code" in claims) return refused(claims);
  const failure =
    wrongScope(claims, rules) ??
    wrongTime(claims, request, rules) ??
    wrongAccount(claims, request, rules) ??
    wrongSignedHeaders(claims, request) ??
    wrongSignature(claims, request, rules) ??
    wrongPayload(claims, request);
  return failure === undefined ? { kind: "signed" } : refused(failure);
}

function claimsOfHeader(request: ReceivedRequest): Claims | S3Failure {
  const authorization = firstValue(request.headers, "authorization") ?? "";
  const match = /^AWS4-HMAC-SHA256 +Credential=([^,]+), *SignedHeaders=([^,]+), *Signature=([0-9a-f]+)$/.exec(
    authorization,
  );
  const credential = parseCredential(match?.[1] ?? "");
  if (match === null || credential === undefined) return failureOf("AuthorizationHeaderMalformed");
  const payloadHash = firstValue(request.headers, "x-amz-content-sha256");
  if (payloadHash === undefined) return failureOf("InvalidRequest");
  const amzDate = firstValue(request.headers, "x-amz-date");
  if (amzDate === undefined || Number.isNaN(parseAmzDate(amzDate))) {
    const message = "AWS authentication requires a valid Date or x-amz-date header";
    return failureOf("AccessDenied", {}, message);
  }
  const signedHeaders = (match[2] ?? "").split(";");
  return { form: "header", ...credential, amzDate, signedHeaders, signature: match[3] ?? "", payloadHash };
}

function claimsOfQuery(request: ReceivedRequest): Claims | S3Failure {
  const values = QUERY_PARAMETERS.map((name) => firstValue(request.query, `x-amz-${name.toLowerCase()}`));
  const [algorithm, credentialText, amzDate, expires, signedHeaders, signature] = values;
  const credential = parseCredential(credentialText ?? "");
  const isComplete = values.every((value) => value !== undefined) && algorithm === ALGORITHM;
  const expiresSeconds = Number(expires);
  const isExpiryGood = expiresSeconds >= 0 && expiresSeconds <= MAX_EXPIRES_SECONDS;
  if (!isComplete || credential === undefined || !isExpiryGood || Number.isNaN(parseAmzDate(amzDate ?? ""))) {
    const names = QUERY_PARAMETERS.map((name) => `X-Amz-${name}`).join(", ");
    const message = `Query-string authentication version 4 requires the ${names} parameters.`;
    return failureOf("AuthorizationQueryParametersError", {}, message);
  }
  return {
    form: "query",
    ...credential,
    amzDate: amzDate ?? "",
    signedHeaders: (signedHeaders ?? "").split(";"),
    signature: signature ?? "",
    payloadHash: firstValue(request.headers, "x-amz-content-sha256") ?? UNSIGNED_PAYLOAD,
  };
}

function wrongScope(claims: Claims, rules: SignatureRules): S3Failure | undefined {
  const { region, service, date } = claims.scope;
  const isHeader = claims.form === "header";
  const code = isHeader ? "AuthorizationHeaderMalformed" : "AuthorizationQueryParametersError";
  const subject = isHeader
    ? "The authorization header is malformed"
    : "Error parsing the X-Amz-Credential parameter";
  if (region !== rules.region) {
    const message = `${subject}; the region '${region}' is wrong; expecting '${rules.region}'`;
    return failureOf(code, { Region: rules.region }, message);
  }
  if (service !== "s3" || !claims.amzDate.startsWith(date)) {
    return failureOf(code, {}, `${subject}; the credential scope '${scopeText(claims.scope)}' is wrong`);
  }
  return undefined;
}

function wrongTime(claims: Claims, request: ReceivedRequest, rules: SignatureRules): S3Failure | undefined {
  const signedMs = parseAmzDate(claims.amzDate);
  const ServerTime = new Date(rules.nowMs).toISOString();
  if (claims.form === "header") {
    if (Math.abs(rules.nowMs - signedMs) <= MAX_SKEW_MS) return undefined;
    const MaxAllowedSkewMilliseconds = String(MAX_SKEW_MS);
    return failureOf("RequestTimeTooSkewed", {
      RequestTime: claims.amzDate,
      ServerTime,
      MaxAllowedSkewMilliseconds,
    });
  }
  const expires = firstValue(request.query, "x-amz-expires") ?? "";
  if (signedMs > rules.nowMs + MAX_SKEW_MS) {
    return failureOf("AccessDenied", { "X-Amz-Expires": expires, ServerTime }, "Request is not yet valid");
  }
  if (rules.nowMs > signedMs + Number(expires) * 1000) {
    return failureOf("AccessDenied", { "X-Amz-Expires": expires, ServerTime }, "Request has expired");
  }
  return undefined;
}

function wrongAccount(
  claims: Claims,
  request: ReceivedRequest,
  rules: SignatureRules,
): S3Failure | undefined {
  if (claims.accessKeyId !== rules.accessKeyId) {
    return failureOf("InvalidAccessKeyId", { AWSAccessKeyId: claims.accessKeyId });
  }
  const from = claims.form === "header" ? request.headers : request.query;
  const token = firstValue(from, "x-amz-security-token");
  return token === rules.sessionToken ? undefined : failureOf("InvalidToken", { "Token-0": token ?? "" });
}

function wrongSignedHeaders(claims: Claims, request: ReceivedRequest): S3Failure | undefined {
  const mustBeSigned = request.headers
    .map(([name]) => name.toLowerCase())
    .filter((name) => name === "host" || name.startsWith("x-amz-"));
  const unsigned = mustBeSigned.filter((name) => !claims.signedHeaders.includes(name));
  if (unsigned.length === 0) return undefined;
  const message = "There were headers present in the request which were not signed";
  return failureOf("AccessDenied", { HeadersNotSigned: unsigned.join(", ") }, message);
}

function wrongSignature(
  claims: Claims,
  request: ReceivedRequest,
  rules: SignatureRules,
): S3Failure | undefined {
  const query = request.query.filter(([name]) => name !== "X-Amz-Signature");
  const canonical = canonicalRequest({ ...request, query }, claims.signedHeaders, claims.payloadHash);
  const text = stringToSign(canonical, claims.amzDate, claims.scope);
  if (signatureOf(text, rules.secretAccessKey, claims.scope) === claims.signature) return undefined;
  return failureOf("SignatureDoesNotMatch", {
    AWSAccessKeyId: claims.accessKeyId,
    StringToSign: text,
    SignatureProvided: claims.signature,
    CanonicalRequest: canonical,
  });
}

function wrongPayload(claims: Claims, request: ReceivedRequest): S3Failure | undefined {
  if (claims.payloadHash === UNSIGNED_PAYLOAD || claims.payloadHash === request.bodySha256) return undefined;
  return failureOf("XAmzContentSHA256Mismatch", {
    ClientComputedContentSHA256: claims.payloadHash,
    S3ComputedContentSHA256: request.bodySha256,
  });
}

function refused(failure: S3Failure): SignatureVerdict {
  return { kind: "refused", failure };
}

function parseCredential(text: string): Pick<Claims, "accessKeyId" | "scope"> | undefined {
  const [accessKeyId, date, region, service, end, ...rest] = text.split("/");
  if (!accessKeyId || !date || !region || !service || end !== "aws4_request" || rest.length > 0) {
    return undefined;
  }
  return { accessKeyId, scope: { date, region, service } };
}

function parseAmzDate(text: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) return Number.NaN;
  const [, year, month, day, hour, minute, second] = match;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}
