/** GETs to one bucket, signed with the credentials of the moment; asked again where S3 doesn't take them and others can be had. */

import type { BucketAddress } from "./address.ts";
import { type Exchanged, type ExchangeObserver, exchange } from "./exchange.ts";
import { OriginError, type OriginRequest } from "./origin.ts";
import { CREDENTIAL_CODES } from "./s3-error.ts";
import { type Credentials, canonicalQuery, Signer } from "./signature.ts";

/** What a request is for: an object, or with a query the bucket. */
export interface Target {
  /** Encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
}

/** Where credentials come from, and how to say that S3 didn't take them. */
export interface CredentialSource {
  /** The credentials to sign with now. Rejects where there are none. */
  current(): Promise<Credentials>;
  /**
   * Makes the next `current` give others than `refused`. Returns false where asking anew can't change anything.
   */
  renew(refused: Credentials): boolean;
}

/** What `SignedRequests` are made of. */
export interface SignedRequestsParts {
  readonly address: BucketAddress;
  readonly region: string;
  /** Absent for unsigned requests. */
  readonly credentials: CredentialSource | undefined;
  readonly userAgent: string;
  readonly nowMs: () => number;
  /** Told of every request. */
  readonly observer?: ExchangeObserver;
}

/** Signs and sends. */
export class SignedRequests {
  readonly #parts: SignedRequestsParts;
  readonly #signer: Signer;

  constructor(parts: SignedRequestsParts) {
    this.#parts = parts;
    this.#signer = new Signer(parts.region);
  }

  /**
   * A request for somebody else to send.
   *
   * @param deadlineMs longest wait for the first byte of the answer, and between two bytes of its body
   * @throws OriginError where there is nothing to sign with
   */
  async request(target: Target, deadlineMs: number): Promise<OriginRequest> {
    return this.#request(target, await this.#credentials(), deadlineMs, {});
  }

  /**
   * One question; asked once more where renewed credentials may help. (Bun itself asks once more where S3 had closed an idle
   * connection just when it was used again.) A failure is an answer.
   *
   * @param deadlineMs as of `request`
   * @param conditions headers that make it a question about what is known, or for a part; none by default
   */
  async ask(target: Target, deadlineMs: number, conditions: Record<string, string> = {}): Promise<Exchanged> {
    const { observer } = this.#parts;
    try {
      const used = await this.#credentials();
      const first = await exchange(this.#request(target, used, deadlineMs, conditions), observer);
      if (used === undefined || first.kind !== "failed") return first;
      const isRefused = CREDENTIAL_CODES.has(first.error?.code ?? "");
      if (!isRefused || this.#parts.credentials?.renew(used) !== true) return first;
      const renewed = this.#request(target, await this.#credentials(), deadlineMs, conditions);
      return await exchange(renewed, observer);
    } catch (error) {
      if (error instanceof OriginError) return { kind: "failed", failure: error.failure };
      throw error;
    }
  }

  /** What to sign with now; undefined for unsigned requests. Throws `OriginError` where there is nothing to sign with. */
  async #credentials(): Promise<Credentials | undefined> {
    try {
      return await this.#parts.credentials?.current();
    } catch (error) {
      const reason = `No credentials: ${(error as Error).message}`;
      throw new OriginError({ code: "origin-refused", reason });
    }
  }

  #request(
    { path, query }: Target,
    credentials: Credentials | undefined,
    deadlineMs: number,
    conditions: Record<string, string>,
  ): OriginRequest {
    const { address, userAgent, nowMs } = this.#parts;
    // Without this, S3-compatible servers behind a web server may compress, which changes bytes and ETag.
    const headers = { "accept-encoding": "identity", "user-agent": userAgent, ...conditions };
    const url = address.origin + path + (query === undefined ? "" : `?${canonicalQuery(query)}`);
    if (credentials === undefined) return { url, headers, deadlineMs };
    const signable = { method: "GET", host: address.host, path, ...(query && { query }) };
    const signed = this.#signer.sign(signable, credentials, nowMs());
    return { url, headers: { ...headers, ...signed }, deadlineMs };
  }
}
