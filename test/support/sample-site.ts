/** The sample site of `examples/site`, in the bucket of a test. */

import { join } from "node:path";
import { Glob } from "bun";
import type { S3Backend } from "./s3-backend.ts";

const FOLDER = join(import.meta.dir, "../../examples/site");

/** Stores the site's files. Returns how many they are. */
export async function uploadSampleSite(bucket: Pick<S3Backend, "put">): Promise<number> {
  const names = [...new Glob("**/*").scanSync(FOLDER)];
  for (const name of names) {
    const file = sampleFile(name);
    // Object keys are NFC here, whatever the file system makes of names.
    await bucket.put(name.normalize("NFC"), await file.bytes(), { "content-type": file.type });
  }
  return names.length;
}

/** A file of the site, by its path in it. */
export function sampleFile(name: string) {
  return Bun.file(join(FOLDER, name));
}
