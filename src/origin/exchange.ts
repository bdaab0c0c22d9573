/** One question to S3 and its answer, with a deadline for each wait. Knows nothing of credentials or retries. */

import { type Deadline, startDeadline } from "./deadline.ts";
import { headOf } from "./head.ts";
import {
  type Failure,
  type OriginBody,
  OriginError,
  type OriginObject,
  type OriginRequest,
} from "./origin.ts";
import { judge, parseS3Error, type S3Error, type Verdict } from "./s3-error.ts";

/** Longest wait for the first byte of an answer, and between two bytes of a body, in milliseconds. */
export const ORIGIN_DEADLINE_MS = 30_000;
/** Most of an error document that is read, in bytes. */
const ERROR_DOCUMENT_BYTES = 64 * 1024;

/** An object's answer together with the response it came in, for who passes it on as it is. */
export interface ReceivedObject extends OriginObject {
  readonly response: Response;
}

/** A failure with what S3 said of it. */
export interface FailedExchange {
  readonly kind: "failed";
  readonly failure: Failure;
  readonly error?: S3Error;
}

/** What one exchange can come to. */
export type Exchanged = ReceivedObject | Exclude<Verdict, { kind: "failed" }> | FailedExchange;

/** Sends the request. Never throws; a body that is then read may. */
export async function exchange(request: OriginRequest): Promise<Exchanged> {
  const deadline = startDeadline(ORIGIN_DEADLINE_MS);
  try {
    const response = await fetch(request.url, {
      headers: request.headers,
      decompress: false,
      redirect: "manual",
      signal: deadline.signal,
    });
    deadline.pause();
    if (response.status === 200) return receivedObject(response, deadline);
    const xml = await readText(bodyOf(response, deadline), ERROR_DOCUMENT_BYTES);
    return judge(
      response.status,
      parseS3Error(xml, response.status, response.headers.get("x-amz-bucket-region")),
    );
  } catch (error) {
    return { kind: "failed", failure: failureOf(error, deadline) };
  } finally {
    deadline.pause();
  }
}

function receivedObject(response: Response, deadline: Deadline): ReceivedObject {
  const length = response.headers.get("content-length");
  const received = {
    kind: "object",
    head: headOf(response.headers),
    body: bodyOf(response, deadline),
    response,
  } as const;
  return length !== null && /^\d{1,15}$/.test(length)
    ? { ...received, contentLength: Number(length) }
    : received;
}

/** A response's body with a deadline for each wait, and every failure an `OriginError`. */
function bodyOf(response: Response, deadline: Deadline): OriginBody {
  // Taken at the first read, so that a response whose body is never read here can be passed on whole.
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  return {
    async read() {
      reader ??= response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array> | undefined;
      deadline.resume();
      try {
        return (await reader?.read())?.value;
      } catch (error) {
        const failure = failureOf(error, deadline);
        throw new OriginError(
          failure.code === "origin-timeout" ? failure : { ...failure, code: "origin-cut" },
        );
      } finally {
        deadline.pause();
      }
    },
    cancel() {
      deadline.abort();
    },
  };
}

async function readText(body: OriginBody, mostBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (let chunk = await body.read(); chunk !== undefined; chunk = await body.read()) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > mostBytes) {
      body.cancel();
      break;
    }
  }
  return Buffer.concat(chunks).toString();
}

function failureOf(error: unknown, deadline: Deadline): Failure {
  if (error instanceof OriginError) return error.failure;
  if (deadline.hasPassed) return { code: "origin-timeout", reason: `No byte for ${ORIGIN_DEADLINE_MS} ms` };
  return { code: "origin-unreachable", reason: (error as Error).message };
}
