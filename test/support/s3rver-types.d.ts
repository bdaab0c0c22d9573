declare module "@20minutes/s3rver" {
  import type { AddressInfo } from "node:net";

  /** The part of a Koa context that the tests use. */
  interface Context {
    headers: Record<string, string | undefined>;
    query: Record<string, string | undefined>;
    status: number;
    type: string;
    body: string;
  }

  interface Options {
    address?: string;
    port?: number;
    silent?: boolean;
    directory?: string;
    vhostBuckets?: boolean;
    allowMismatchedSignatures?: boolean;
    configureBuckets?: { name: string; configs?: string[] }[];
  }

  /** A Koa application; its middleware runs in the order of the list. */
  class S3rver {
    constructor(options: Options);
    readonly middleware: ((context: Context, next: () => Promise<void>) => Promise<void>)[];
    run(): Promise<AddressInfo>;
    close(): Promise<void>;
  }

  export = S3rver;
}
