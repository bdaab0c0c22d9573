import { startVersitygw } from "../services/versitygw.ts";
import type { S3Backend } from "./s3-backend.ts";
import { startS3rver } from "./s3rver.ts";

export type { S3Backend } from "./s3-backend.ts";

/** Starts the S3 that S3_TEST_BACKEND names: `s3rver` (default) or `versitygw`. Throws for another name. */
export function startBackend(): Promise<S3Backend> {
  const name = process.env.S3_TEST_BACKEND ?? "s3rver";
  if (name === "s3rver") return startS3rver();
  if (name === "versitygw") return startVersitygw();
  throw new Error(`S3_TEST_BACKEND must be "s3rver" or "versitygw", and is "${name}"`);
}
