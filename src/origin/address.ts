/** Where a bucket is reached. */

/** The two ways of naming a bucket in a URL come down to these. */
export interface BucketAddress {
  /** Scheme, host and port: `https://site.s3.eu-west-1.amazonaws.com`. */
  readonly origin: string;
  /** Host and port as the Host header has them. */
  readonly host: string;
  /** What stands before the key in a path: `/` or `/bucket/`. */
  readonly basePath: string;
}

/** What decides a bucket's address. */
export interface BucketLocation {
  readonly bucket: string;
  readonly region: string;
  /** Origin of an S3-compatible server; AWS when absent. */
  readonly endpoint?: string | undefined;
  /** True to put the bucket into the endpoint's host name. */
  readonly virtualHost: boolean;
}

/** Only such a name is one label of a host name; a dot in it would break AWS' wildcard certificate. */
const ONE_LABEL = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;

/** The address of a bucket: AWS' own style where there is no endpoint, else path style unless `virtualHost`. */
export function bucketAddress({ bucket, region, endpoint, virtualHost }: BucketLocation): BucketAddress {
  const suffix = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  const base = new URL(endpoint ?? `https://s3.${region}.${suffix}`);
  const inHost = endpoint === undefined ? ONE_LABEL.test(bucket) : virtualHost;
  if (inHost) base.host = `${bucket}.${base.host}`;
  return { origin: base.origin, host: base.host, basePath: inHost ? "/" : `/${bucket}/` };
}
