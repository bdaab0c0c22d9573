import { amzDateOf } from "./sigv4.ts";

/** An error answer of S3: its status, its code, and what its XML says besides. */
export interface S3Failure {
  status: number;
  code: string;
  message: string;
  /** Further elements of the XML, in their order, such as `Region` or `StringToSign`. */
  details: Record<string, string>;
}

/** The status and the message that S3 gives with a code ("Error responses", Amazon S3 API reference). */
const KNOWN_CODES: Record<string, readonly [status: number, message: string]> = {
  AccessDenied: [403, "Access Denied"],
  AuthorizationHeaderMalformed: [400, "The authorization header is malformed"],
  AuthorizationQueryParametersError: [400, "Error parsing the X-Amz-Credential parameter"],
  ExpiredToken: [400, "The provided token has expired."],
  InternalError: [500, "We encountered an internal error. Please try again."],
  InvalidAccessKeyId: [403, "The AWS Access Key Id you provided does not exist in our records."],
  InvalidArgument: [400, "Invalid Argument"],
  InvalidRange: [416, "The requested range is not satisfiable"],
  InvalidRequest: [400, "Missing required header for this request: x-amz-content-sha256"],
  InvalidToken: [400, "The provided token is malformed or otherwise invalid."],
  InvalidURI: [400, "Couldn't parse the specified URI."],
  MethodNotAllowed: [405, "The specified method is not allowed against this resource."],
  NoSuchBucket: [404, "The specified bucket does not exist"],
  NoSuchKey: [404, "The specified key does not exist."],
  NoSuchWebsiteConfiguration: [404, "The specified bucket does not have a website configuration"],
  NotImplemented: [501, "A header you provided implies functionality that is not implemented"],
  PermanentRedirect: [
    301,
    "The bucket you are attempting to access must be addressed using the specified endpoint. " +
      "Please send all future requests to this endpoint.",
  ],
  PreconditionFailed: [412, "At least one of the pre-conditions you specified did not hold"],
  RequestTimeTooSkewed: [403, "The difference between the request time and the current time is too large."],
  ServiceUnavailable: [503, "Please reduce your request rate."],
  SignatureDoesNotMatch: [
    403,
    "The request signature we calculated does not match the signature you provided. " +
      "Check your key and signing method.",
  ],
  SlowDown: [503, "Please reduce your request rate."],
  XAmzContentSHA256Mismatch: [
    400,
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
  ],
};

/** The host identifier of every answer, which no client of the proxy may see. */
export const HOST_ID = "HostIdMustNotLeak0kgHTqXCDYd8bHwMqkLQ/9Pzk6jvWkZ5rN3sE=";

/** Texts of the error XML: a body, header or log of the proxy that holds one of them leaks. */
export const LEAK_MARKERS: readonly string[] = [
  HOST_ID,
  "AKIAMUSTNOTLEAK",
  "SecretMustNotLeak",
  "SignatureMustNotLeak",
  "StringToSign",
  "AWS4-HMAC-SHA256",
  "HostId",
  "RequestId",
];

/** The failure of that code with the status and message that S3 gives with it; 400 for an unknown code. */
export function failureOf(code: string, details: Record<string, string> = {}, message?: string): S3Failure {
  const [status, knownMessage] = KNOWN_CODES[code] ?? [400, code];
  return { status, code, message: message ?? knownMessage, details };
}

/** A failure of that status and code whose XML holds everything that must not leak. */
export function leakyFailure(status: number, code: string): S3Failure {
  const amzDate = amzDateOf(Date.now());
  const toSign = `AWS4-HMAC-SHA256\n${amzDate}\n${amzDate.slice(0, 8)}/us-east-1/s3/aws4_request\nSecretMustNotLeak`;
  const known = failureOf(code);
  return {
    status,
    code,
    message: `${known.message} StringToSign: ${toSign} HostId: ${HOST_ID}`,
    details: {
      AWSAccessKeyId: "AKIAMUSTNOTLEAK00000",
      StringToSign: toSign,
      SignatureProvided: "SignatureMustNotLeak",
    },
  };
}

/** The XML body of a failure. */
export function failureXml(failure: S3Failure, requestId: string): string {
  const elements: Record<string, string> = {
    Code: failure.code,
    Message: failure.message,
    ...failure.details,
    RequestId: requestId,
    HostId: HOST_ID,
  };
  const inner = Object.entries(elements).map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${inner.join("")}</Error>`;
}

/** A text as it stands in XML. */
export function escapeXml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("\n", "&#10;");
}
