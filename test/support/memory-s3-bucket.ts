import type { Bucket, S3Answer } from "./memory-s3-answer.ts";
import type { StoredObject } from "./memory-s3-objects.ts";
import type { S3Request } from "./memory-s3-request.ts";
import { firstValue, type Pair } from "./pairs.ts";
import { escapeXml, failureOf } from "./s3-errors.ts";

/** What S3 answers to a question about the bucket itself: HEAD, ListObjectsV2 and GetBucketWebsite. */
export function answerForBucket(request: S3Request, bucket: Bucket, region: string): S3Answer {
  const query = new Map(request.query);
  if (request.method === "HEAD") return plain("", [["x-amz-bucket-region", region]]);
  if (query.has("website")) {
    if (bucket.website !== undefined) return plain(bucket.website);
    return failure("NoSuchWebsiteConfiguration", { BucketName: bucket.name });
  }
  if (query.get("list-type") !== "2") return failure("NotImplemented");
  return bucket.isListable ? list(bucket, query) : failure("AccessDenied");
}

/** One entry of a listing: a key, or what several have in common. */
type Row = { readonly key: string; readonly object: StoredObject } | { readonly folder: string };

function list({ name, objects }: Bucket, query: ReadonlyMap<string, string>): S3Answer {
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter") ?? "";
  const most = Number(query.get("max-keys") ?? 1000);
  const rows = rowsOf(objects, prefix, delimiter);
  const token = query.get("continuation-token");
  const start = token === undefined ? 0 : Number(/^token\+\/=(\d+)$/.exec(token)?.[1]);
  if (Number.isNaN(start)) return failure("InvalidArgument", { ArgumentName: "continuation-token" });
  const page = rows.slice(start, start + most);
  const isTruncated = start + most < rows.length;
  const encoded = (text: string) =>
    query.get("encoding-type") === "url" ? formEncoded(text) : escapeXml(text);
  const elements = page.map((row) =>
    "folder" in row
      ? `<CommonPrefixes><Prefix>${encoded(row.folder)}</Prefix></CommonPrefixes>`
      : `<Contents><Key>${encoded(row.key)}</Key>${detailsOf(row.object)}</Contents>`,
  );
  const next = isTruncated ? `<NextContinuationToken>token+/=${start + most}</NextContinuationToken>` : "";
  const encoding = query.has("encoding-type") ? "<EncodingType>url</EncodingType>" : "";
  return plain(
    `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
      `<Name>${name}</Name><Prefix>${encoded(prefix)}</Prefix>${encoding}<IsTruncated>${isTruncated}</IsTruncated>` +
      `${next}${elements.join("")}</ListBucketResult>`,
  );
}

function rowsOf(objects: ReadonlyMap<string, StoredObject>, prefix: string, delimiter: string): Row[] {
  const rows = new Map<string, Row>();
  for (const [key, object] of objects) {
    if (!key.startsWith(prefix)) continue;
    const end = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
    const name = end < 0 ? key : key.slice(0, end + 1);
    rows.set(name, end < 0 ? { key, object } : { folder: name });
  }
  return [...rows].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))).map(([, row]) => row);
}

function detailsOf({ body, headers }: StoredObject): string {
  const modified = new Date(firstValue(headers, "last-modified") ?? 0).toISOString();
  const etag = escapeXml(firstValue(headers, "etag") ?? "");
  return `<LastModified>${modified}</LastModified><ETag>${etag}</ETag><Size>${body.length}</Size><StorageClass>STANDARD</StorageClass>`;
}

/** As S3 encodes keys: a space is a plus sign, a slash is itself. */
function formEncoded(text: string): string {
  return encodeURIComponent(text).replaceAll("%20", "+").replaceAll("%2F", "/");
}

function plain(xml: string, headers: Pair[] = [["Content-Type", "application/xml"]]): S3Answer {
  return { kind: "plain", status: 200, headers, body: new TextEncoder().encode(xml) };
}

function failure(code: string, details: Record<string, string> = {}): S3Answer {
  return { kind: "failure", failure: failureOf(code, details) };
}
