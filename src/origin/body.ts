/** The body of an answer from S3: read in arrival order, with a deadline for each wait and its length checked. */

import type { Deadline } from "./deadline.ts";
import { type Failure, type OriginBody, OriginError } from "./origin.ts";

/**
 * A response's body.
 *
 * @param expectedBytes what S3 said it would be; absent where it didn't say
 * @param onBytes told how many bytes have come, each time
 */
export function bodyOf(
  response: Response,
  deadline: Deadline,
  expectedBytes: number | undefined,
  onBytes?: (bytes: number) => void,
): OriginBody {
  // Taken at the first read, so that a response whose body is never read here can be passed on whole.
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  let bytes = 0;
  return {
    async read() {
      // All of it has come: to wait for the stream to say so too takes another turn and another deadline.
      if (bytes === expectedBytes) return undefined;
      reader ??= response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array> | undefined;
      deadline.resume();
      let chunk: Uint8Array | undefined;
      try {
        chunk = (await reader?.read())?.value;
      } catch (error) {
        const failure = failureOf(error, deadline);
        const isCut = failure.code === "origin-unreachable";
        throw new OriginError(isCut ? { ...failure, code: "origin-cut" } : failure);
      } finally {
        deadline.pause();
      }
      bytes += chunk?.length ?? 0;
      if (chunk !== undefined) onBytes?.(chunk.length);
      const isWrong = chunk === undefined ? bytes !== expectedBytes : bytes > (expectedBytes ?? bytes);
      if (expectedBytes === undefined || !isWrong) return chunk;
      throw new OriginError({
        code: "origin-cut",
        reason: `Body of ${expectedBytes} bytes ended after ${bytes}`,
      });
    },
    cancel() {
      deadline.abort();
    },
  };
}

/**
 * The rest of a body, in one piece; cut off, and the transfer ended, once it is larger than `mostBytes`.
 *
 * @throws OriginError as `OriginBody.read` does
 */
export async function readWhole(body: OriginBody, mostBytes: number): Promise<Buffer> {
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
  return Buffer.concat(chunks);
}

/** What an exception of `fetch` or of a body's reader means. */
export function failureOf(error: unknown, deadline: Deadline): Failure {
  if (error instanceof OriginError) return error.failure;
  if (deadline.hasPassed) return { code: "origin-timeout", reason: `No byte for ${deadline.limitMs} ms` };
  return { code: "origin-unreachable", reason: (error as Error).message };
}
