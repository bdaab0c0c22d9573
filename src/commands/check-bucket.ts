/** What S3 lets these credentials do with the bucket. */

import type { Config } from "../config/config.ts";
import { loadFromChain } from "../origin/credentials.ts";
import type { S3Origin } from "../origin/s3.ts";
import { describeRefusal } from "../origin/s3-error.ts";
import { failed, type Outcome, ok, warning } from "./finding.ts";
import { within } from "./within.ts";

/** Longest wait for the AWS default chain, in milliseconds: its last links ask servers that may not be there. */
const CHAIN_DEADLINE_MS = 15_000;

/** There is something to sign with; where from, and never what. */
export async function checkCredentials(config: Config, nowMs: () => number): Promise<Outcome> {
  if (config.noSign) return ok("none, requests are unsigned (--no-sign)");
  if (config.key !== undefined) return ok(`access key ID "${config.key}", given by ${config.spelled.key}`);
  try {
    const { accessKeyId, source, expiration } = await within(CHAIN_DEADLINE_MS, () =>
      loadFromChain(config.region),
    );
    const hours = expiration === undefined ? undefined : (expiration.getTime() - nowMs()) / 3_600_000;
    const validity = hours === undefined ? "" : `, valid for ${hours.toFixed(1)} h and renewed before that`;
    return ok(`access key ID "${accessKeyId}", from ${source}${validity}`);
  } catch (error) {
    const reason = (error as Error).message;
    return failed(`none (${reason}): wanted --key and --secret, the AWS default chain, or --no-sign`);
  }
}

/** The bucket is there, in that region, and takes the credentials. */
export async function checkBucket(origin: S3Origin, config: Config): Promise<Outcome> {
  const { bucket, region } = config;
  const result = await origin.probe();
  switch (result.kind) {
    case "refused":
      return failed(describeRefusal(result.error, config));
    case "unreachable":
      return failed(`S3 gives no usable answer (${result.reason})`);
    case "readable":
      return ok(`"${bucket}" in region "${region}" takes our requests`);
  }
}

/** What listing has come to, and a key to try a GET with. */
export interface Listed {
  readonly outcome: Outcome;
  readonly key: string | undefined;
}

/** s3:ListBucket. */
export async function checkList(origin: S3Origin, { bucket, prefix }: Config): Promise<Listed> {
  const answer = await origin.keys("", undefined, 2);
  const place = prefix === undefined ? `"${bucket}"` : `"${prefix}" in "${bucket}"`;
  switch (answer.kind) {
    case "document": {
      // What a console makes for a folder can't be asked for by a path.
      const key = answer.document.objects.find(({ name }) => !name.endsWith("/"))?.name;
      const text = `s3:ListBucket is allowed: a missing page is told from a forbidden one`;
      return key === undefined
        ? { outcome: warning(`there is nothing to serve under ${place}`), key }
        : { outcome: ok(text), key };
    }
    case "denied":
      return {
        outcome: warning(
          `s3:ListBucket is not allowed for ${place}: a forbidden page looks like a missing one, and neither --listing nor warm from the bucket works`,
        ),
        key: undefined,
      };
    case "missing":
      return { outcome: failed(`bucket "${bucket}" does not exist`), key: undefined };
    case "failed":
      return {
        outcome: failed(
          `S3 does not list (${answer.failure.reason}): pages are served all the same, but neither --listing nor warm from the bucket works`,
        ),
        key: undefined,
      };
  }
}

/**
 * s3:GetObject.
 *
 * @param key one that is there; where none is known the index document is tried
 */
export async function checkGet(origin: S3Origin, key: string | undefined, config: Config): Promise<Outcome> {
  const tried = key ?? config.indexDocument ?? "index.html";
  const answer = await origin.get(tried);
  switch (answer.kind) {
    case "object":
      answer.body.cancel();
      return ok(`s3:GetObject is allowed: "${tried}" can be read`);
    case "missing":
      return key === undefined
        ? warning(
            `"${tried}" is missing or may not be read, so it isn't known whether s3:GetObject is allowed`,
          )
        : failed(`"${tried}" is listed and missing at once`);
    case "denied":
      return failed(`S3 refuses "${tried}": allow s3:GetObject for arn:aws:s3:::${config.bucket}/*`);
    case "unchanged":
    case "failed":
      return failed(
        `"${tried}" can't be read (${answer.kind === "failed" ? answer.failure.reason : "not asked"})`,
      );
  }
}
