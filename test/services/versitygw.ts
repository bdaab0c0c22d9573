import { mkdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBackend, createBucket, type S3Backend, type S3Location } from "../support/s3-backend.ts";
import { ensureGoProgram } from "./go-program.ts";
import { freePort } from "./program.ts";

const PROGRAM = {
  name: "versitygw",
  module: "github.com/versity/versitygw/cmd/versitygw",
  version: "v1.8.0",
};
const START_DEADLINE_MS = 15_000;
const BUCKET = "test-bucket";

/** The path of a versitygw program, which is built where there is none. Throws when none can be had. */
export function ensureVersitygw(): Promise<string> {
  return ensureGoProgram(PROGRAM);
}

/**
 * Starts versitygw with one private bucket in a temporary directory and waits until it answers.
 * Throws when there is no such program, or with its output when it ends or does not answer in time.
 */
export async function startVersitygw(): Promise<S3Backend> {
  const program = await ensureVersitygw();
  const directory = await mkdtemp(join(tmpdir(), "s3proxy-versitygw-"));
  const location = {
    endpoint: `http://127.0.0.1:${await freePort()}`,
    bucket: BUCKET,
    region: "us-east-1",
    accessKeyId: "versitygw-test-access",
    secretAccessKey: "versitygw/test+secret",
  };
  const child = spawnServer(program, directory, location);
  const output = new Response(child.stderr).text();
  const kill = () => child.kill();
  process.once("exit", kill);
  const stop = async () => {
    process.off("exit", kill);
    kill();
    await child.exited;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await untilAnswered(child, location.endpoint);
    await createBucket(location);
  } catch (error) {
    await stop();
    throw new Error(`versitygw did not start. ${await output}`, { cause: error });
  }
  return createBackend(location, stop);
}

function spawnServer(program: string, directory: string, location: S3Location) {
  const { host } = new URL(location.endpoint);
  const inDirectory = (name: string) => join(directory, name);
  for (const name of ["data", "meta", "accounts"]) mkdirSync(inDirectory(name));
  const options = ["--quiet", "--keep-alive", "--port", host, "--region", location.region];
  // Without accounts of its own it answers an unknown access key with 404 XAdminUserNotFound, unlike S3.
  const accounts = ["--iam-dir", inDirectory("accounts")];
  // Metadata in files beside the data works where the file system has no extended attributes.
  const backend = ["posix", "--sidecar", inDirectory("meta"), inDirectory("data")];
  return Bun.spawn([program, ...options, ...accounts, ...backend], {
    env: {
      ROOT_ACCESS_KEY_ID: location.accessKeyId,
      ROOT_SECRET_ACCESS_KEY: location.secretAccessKey,
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
}

/** Waits until any HTTP answer comes. Throws when the program ends first, or at the deadline. */
async function untilAnswered(child: Bun.Subprocess, endpoint: string): Promise<void> {
  const deadlineMs = performance.now() + START_DEADLINE_MS;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`It ended with exit code ${child.exitCode}`);
    if (performance.now() > deadlineMs) throw new Error(`No answer within ${START_DEADLINE_MS} ms`);
    const isAnswered = await fetch(endpoint).then(
      () => true,
      () => false,
    );
    if (isAnswered) return;
    await Bun.sleep(20);
  }
}
