import { signRequest } from "./sigv4-sign.ts";

/** A private bucket of a real S3 implementation that a test fills and a proxy reads. */
export interface S3Backend {
  /** Such as `http://127.0.0.1:9000`. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Stores an object with any headers, such as Content-Type or Cache-Control. Throws when it is refused. */
  put(key: string, body: string | Uint8Array, headers?: Record<string, string>): Promise<void>;
  /** Deletes an object; a missing one is well. Throws when it is refused. */
  delete(key: string): Promise<void>;
  /** Ends the server and removes its files. */
  stop(): Promise<void>;
}

/** Where a backend is, and who may use it. */
export type S3Location = Pick<
  S3Backend,
  "endpoint" | "bucket" | "region" | "accessKeyId" | "secretAccessKey"
>;

/** Makes a backend of a running server; `stop` ends the server. */
export function createBackend(location: S3Location, stop: () => Promise<void>): S3Backend {
  return {
    ...location,
    put: (key, body, headers = {}) => sendSigned(location, "PUT", key, body, headers),
    delete: (key) => sendSigned(location, "DELETE", key),
    stop,
  };
}

/** Creates the bucket of a location. Throws when it is refused. */
export function createBucket(location: S3Location): Promise<void> {
  return sendSigned(location, "PUT", "");
}

async function sendSigned(
  location: S3Location,
  method: string,
  key: string,
  body: string | Uint8Array = "",
  headers: Record<string, string> = {},
): Promise<void> {
  const { endpoint, bucket } = location;
  const signed = signRequest({ method, endpoint, bucket, key, body, headers }, location);
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : new Uint8Array(body);
  const hasBody = method === "PUT";
  const answer = await fetch(signed.url, {
    method,
    headers: signed.headers,
    ...(hasBody ? { body: bytes } : {}),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} of "${key}" was answered ${answer.status}: ${text}`);
}
