import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { S3Backend } from "./s3-backend.ts";
import { signRequest } from "./sigv4-sign.ts";

const KEYS = [
  "plain.txt",
  "plus+plus.txt",
  "100%.txt",
  "%bad%name%",
  "クズ箱/ゴミ.txt",
  "a b/ü+&=.txt",
  "a|b;c",
  "a\\b",
  "😀.txt",
];

/** How a backend differs from S3 where the contract asks. */
export interface BackendDeviations {
  /** The answer to a signature for another region. */
  wrongRegion: string;
}

/** Tests that every backend must pass, so that a proxy sees S3 in them. */
export function describeBackend(
  name: string,
  start: () => Promise<S3Backend>,
  deviations: BackendDeviations,
): void {
  describe(name, () => {
    let s3: S3Backend;
    beforeAll(async () => {
      s3 = await start();
      await s3.put("greeting.txt", "hello");
    });
    afterAll(() => s3.stop());

    function get(key: string, changed: Partial<S3Backend> = {}): Promise<Response> {
      const location = { ...s3, ...changed };
      const { endpoint, bucket } = location;
      const signed = signRequest({ method: "GET", endpoint, bucket, key }, location);
      return fetch(signed.url, { headers: signed.headers });
    }

    test.each(KEYS)("gives back the object of key %p", async (key) => {
      await s3.put(key, `body of ${key}`);
      expect(await (await get(key)).text()).toBe(`body of ${key}`);
    });
    test("gives back the headers that an object was put with", async () => {
      const headers = {
        "content-type": "text/css",
        "cache-control": "max-age=9",
        "content-language": "ja",
        "content-disposition": "inline",
        "content-encoding": "identity",
        expires: "Wed, 21 Oct 2030 07:28:00 GMT",
        "x-amz-meta-colour": "blue",
      };
      await s3.put("headers.css", "a{}", headers);
      const answer = await get("headers.css");
      for (const [header, value] of Object.entries(headers)) expect(answer.headers.get(header)).toBe(value);
    });
    test("answers a presigned URL of another signer", async () => {
      const answer = await fetch(new Bun.S3Client(s3).presign("greeting.txt"));
      expect(await answer.text()).toBe("hello");
    });
    test("refuses a wrong secret, a wrong access key and an unsigned request", async () => {
      expect(await codeOf(get("greeting.txt", { secretAccessKey: "no" }))).toBe("403 SignatureDoesNotMatch");
      expect(await codeOf(get("greeting.txt", { accessKeyId: "no" }))).toBe("403 InvalidAccessKeyId");
      expect(await codeOf(fetch(`${s3.endpoint}/${s3.bucket}/greeting.txt`))).toBe("403 AccessDenied");
    });
    test("answers a signature for another region as it is known to", async () => {
      expect(await codeOf(get("greeting.txt", { region: "eu-central-1" }))).toBe(deviations.wrongRegion);
    });
    test("tells a missing bucket from a missing or deleted key", async () => {
      await s3.put("deleted.txt", "");
      await s3.delete("deleted.txt");
      expect(await codeOf(get("greeting.txt", { bucket: "missing" }))).toBe("404 NoSuchBucket");
      expect(await codeOf(get("missing.txt"))).toBe("404 NoSuchKey");
      expect(await codeOf(get("deleted.txt"))).toBe("404 NoSuchKey");
    });
  });
}

async function codeOf(answer: Promise<Response>): Promise<string> {
  const settled = await answer;
  const code = /<Code>(.*)<\/Code>/.exec(await settled.text())?.[1] ?? "";
  return `${settled.status} ${code}`.trim();
}
