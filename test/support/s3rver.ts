import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import S3rver from "@20minutes/s3rver";
import { createBackend, type S3Backend } from "./s3-backend.ts";

const BUCKET = "test-bucket";
const ACCESS_DENIED =
  '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>';

/**
 * Starts s3rver inside this process with one private bucket in a temporary directory. It verifies signatures,
 * but not the region they are for; s3rver has no private buckets, so unsigned requests are refused here.
 */
export async function startS3rver(): Promise<S3Backend> {
  const directory = await mkdtemp(join(tmpdir(), "s3proxy-s3rver-"));
  const server = new S3rver({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    directory,
    vhostBuckets: false,
    configureBuckets: [{ name: BUCKET }],
  });
  server.middleware.unshift(async (context, next) => {
    if ("authorization" in context.headers || "X-Amz-Signature" in context.query) return next();
    context.status = 403;
    context.type = "application/xml";
    context.body = ACCESS_DENIED;
  });
  const { port } = await server.run();
  const location = {
    endpoint: `http://127.0.0.1:${port}`,
    bucket: BUCKET,
    region: "us-east-1",
    accessKeyId: "S3RVER",
    secretAccessKey: "S3RVER",
  };
  return createBackend(location, async () => {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  });
}
