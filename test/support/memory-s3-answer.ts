import { answerForBucket } from "./memory-s3-bucket.ts";
import { answerForObject, type ObjectBody, type StoredObject } from "./memory-s3-objects.ts";
import type { S3Request } from "./memory-s3-request.ts";
import type { Pair } from "./pairs.ts";
import { failureOf, type S3Failure } from "./s3-errors.ts";
import { sha256Hex } from "./sigv4.ts";
import { type SignatureRules, verifySignature } from "./sigv4-verify.ts";

/** An answer before it is put on the wire. */
export type S3Answer =
  | { kind: "plain"; status: number; headers: Pair[]; body: ObjectBody }
  | { kind: "failure"; failure: S3Failure };

/** The bucket that requests are answered from. */
export interface Bucket {
  name: string;
  /** Whether requests without a signature are answered. */
  isPublic: boolean;
  /** Whether a missing key is NoSuchKey; without the right to list it is AccessDenied. */
  isListable: boolean;
  /** The region that every request is sent to instead. */
  regionRedirect: string | undefined;
  /** The XML of its website configuration, where it has one. */
  website: string | undefined;
  objects: ReadonlyMap<string, StoredObject>;
}

/** Decides what S3 answers: the signature first, then the bucket, then the right to read, then the object. */
export function decideAnswer(
  request: S3Request,
  body: Uint8Array,
  bucket: Bucket,
  rules: SignatureRules,
): S3Answer {
  if (bucket.regionRedirect !== undefined) return permanentRedirect(bucket.name, bucket.regionRedirect);
  const verdict = verifySignature({ ...request, bodySha256: sha256Hex(body) }, rules);
  if (verdict.kind === "refused") return { kind: "failure", failure: verdict.failure };
  if (request.bucket !== bucket.name) return failure("NoSuchBucket", { BucketName: request.bucket });
  if (verdict.kind === "unsigned" && !bucket.isPublic) return failure("AccessDenied");
  if (request.method !== "GET" && request.method !== "HEAD") {
    return failure("MethodNotAllowed", { Method: request.method, ResourceType: "OBJECT" });
  }
  if (request.key === "") return answerForBucket(request, bucket, rules.region);
  const object = bucket.objects.get(request.key);
  if (object !== undefined) {
    const answer = answerForObject(object, request.headers);
    return answer.kind === "object" ? { ...answer, kind: "plain" } : answer;
  }
  return bucket.isListable ? failure("NoSuchKey", { Key: request.key }) : failure("AccessDenied");
}

function permanentRedirect(bucketName: string, region: string): S3Answer {
  const Endpoint = `${bucketName}.s3.${region}.amazonaws.com`;
  return failure("PermanentRedirect", { Endpoint, Bucket: bucketName, Region: region });
}

function failure(code: string, details: Record<string, string> = {}): S3Answer {
  return { kind: "failure", failure: failureOf(code, details) };
}
