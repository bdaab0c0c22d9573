/** The policy allows what the program asks with every option that asks for more, and nothing else. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { ask } from "../support/client.ts";
import { type RecordedRequest, startMemoryS3 } from "../support/memory-s3.ts";
import { startProxy } from "../support/proxy.ts";

interface Statement {
  readonly Effect: string;
  readonly Action: string;
  readonly Resource: string;
}

const policy = await Bun.file(join(import.meta.dir, "../../deploy/iam-policy.json")).json();
const statements: readonly Statement[] = policy.Statement;

/** What AWS checks a request against: the action, and the bucket or an object in it. */
function permissionOf({ method, key, query }: RecordedRequest): string {
  if (!["GET", "HEAD"].includes(method)) return `${method} ${key}`;
  if (key !== "") return "s3:GetObject arn:aws:s3:::my-site/*";
  const action = "website" in query ? "s3:GetBucketWebsite" : "s3:ListBucket";
  return `${action} arn:aws:s3:::my-site`;
}

test("the policy allows what is asked of S3, and nothing else", async () => {
  const s3 = await startMemoryS3();
  s3.put("index.html", "home", { "content-type": "text/html" });
  s3.put("folder/page.html", "page");
  const proxy = await startProxy({ s3, args: ["--listing", "--website-config", "--precompressed"] });
  expect((await ask(proxy.port, { path: "/" })).status).toBe(200);
  expect((await ask(proxy.port, { path: "/folder/" })).text).toContain("page.html");
  expect((await ask(proxy.port, { path: "/missing" })).status).toBe(404);
  expect((await ask(proxy.port, { method: "HEAD", path: "/folder/page.html" })).status).toBe(200);
  await proxy.stop();
  const asked = new Set(s3.requests.map(permissionOf));
  await s3.stop();
  // That a missing key is 404 and not 403 is s3:ListBucket's doing as well.
  expect(statements.every(({ Effect }) => Effect === "Allow")).toBe(true);
  expect(statements.map(({ Action, Resource }) => `${Action} ${Resource}`).sort()).toEqual([...asked].sort());
});
