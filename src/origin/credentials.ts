/** Where the credentials come from: given ones, or the AWS default chain. */

import type { Credentials } from "./signature.ts";
import type { CredentialSource } from "./signed-requests.ts";

/** Credentials are asked for anew this long before they expire, in milliseconds. */
const RENEW_BEFORE_EXPIRY_MS = 5 * 60_000;
/** After a failed renewal the old ones are used and the next try waits this long, in milliseconds. */
const RETRY_AFTER_MS = 10_000;

/** Credentials that may expire. */
export interface ExpiringCredentials extends Credentials {
  readonly expiration?: Date;
}

/** A source that always says the same. */
export function staticCredentials(credentials: Credentials): CredentialSource {
  return { current: () => Promise.resolve(credentials), renew: () => false };
}

/**
 * The AWS default chain: environment, shared configuration files, SSO, web identity, ECS/EKS and IMDSv2.
 * The library behind it is loaded when the first credentials are asked for.
 */
export function chainCredentials(region: string, nowMs: () => number): CredentialSource {
  return renewingCredentials(() => loadFromChain(region), nowMs);
}

/** Credentials of the AWS default chain, and in words where in it they were found. */
export type ChainCredentials = ExpiringCredentials & { readonly source: string };

/** Goes through the chain once. Rejects with the library's reason where nothing is found. */
export async function loadFromChain(region: string): Promise<ChainCredentials> {
  const { fromNodeProviderChain } = await import("@aws-sdk/credential-providers");
  const { accessKeyId, secretAccessKey, sessionToken, expiration, ...found } = await fromNodeProviderChain({
    clientConfig: { region },
  })();
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    ...(expiration === undefined ? {} : { expiration }),
    source: sourceOf("$source" in found ? found.$source : undefined),
  };
}

/** The places of the chain by the names that the library gives them, the nearest to the credentials first. */
const SOURCES: readonly (readonly [RegExp, string])[] = [
  [/^CREDENTIALS_ENV_VARS$/, "the environment"],
  [/WEB_ID/, "a web identity"],
  [/SSO/, "SSO"],
  [/PROCESS/, "a credential process"],
  [/HTTP/, "the container (ECS or EKS)"],
  [/IMDS/, "the EC2 instance"],
  [/PROFILE/, "a shared profile"],
];

function sourceOf(marks: unknown): string {
  const names = typeof marks === "object" && marks !== null ? Object.keys(marks) : [];
  for (const [pattern, source] of SOURCES) if (names.some((name) => pattern.test(name))) return source;
  return "the AWS default chain";
}

/**
 * Keeps what `load` gives until shortly before it expires. One load runs at a time. A load that fails while the old
 * credentials are still valid is tried again later, and nobody waits for it.
 */
export function renewingCredentials(
  load: () => Promise<ExpiringCredentials>,
  nowMs: () => number,
): CredentialSource {
  let held: ExpiringCredentials | undefined;
  let loading: Promise<ExpiringCredentials> | undefined;
  let retryAtMs = 0;
  let loadedAtMs = 0;

  const startLoading = () => {
    loading ??= load()
      .then((loaded) => {
        held = loaded;
        loadedAtMs = nowMs();
        retryAtMs = 0;
        return loaded;
      })
      .catch((error: unknown) => {
        retryAtMs = nowMs() + RETRY_AFTER_MS;
        throw error;
      })
      .finally(() => {
        loading = undefined;
      });
    return loading;
  };
  return {
    current() {
      const leftMs = (held?.expiration?.getTime() ?? Number.POSITIVE_INFINITY) - nowMs();
      if (held === undefined || leftMs <= 0) return startLoading();
      // A renewal ahead of time runs behind this request.
      if (leftMs < RENEW_BEFORE_EXPIRY_MS && nowMs() >= retryAtMs) startLoading().catch(() => {});
      return Promise.resolve(held);
    },
    renew(refused) {
      // Another request was refused before, and newer ones have come since.
      if (held === undefined || held !== refused) return true;
      // Credentials that were refused as soon as they came would be refused again.
      if (nowMs() - loadedAtMs < RETRY_AFTER_MS) return false;
      held = undefined;
      return true;
    },
  };
}
