/** One life of the program in a fuzz run: a keeper and an edge of one thread, from a start to an end. */

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ClientAddresses } from "../../src/edge/client-address.ts";
import { corsPolicy } from "../../src/edge/cors.ts";
import { createHandler, type Handler } from "../../src/edge/handler.ts";
import { HotMap } from "../../src/edge/hot-map.ts";
import { LiveFeed } from "../../src/edge/live-feed.ts";
import { websiteOf } from "../../src/edge/website-config.ts";
import { Disk, type ListedFile } from "../../src/keeper/disk.ts";
import { Keeper } from "../../src/keeper/keeper.ts";
import { Uses } from "../../src/keeper/uses.ts";
import { createLog } from "../../src/log/log.ts";
import { S3Origin } from "../../src/origin/s3.ts";
import type { Rules } from "./judge.ts";
import { S3_ADDRESS } from "./s3.ts";
import type { Setting } from "./steps.ts";

/** Longest wait for S3. */
export const DEADLINE_MS = 30_000;

/** What a life is made of. */
export interface LifeParts {
  readonly directory: string;
  readonly setting: Setting;
  readonly rules: Rules;
  readonly nowMs: () => number;
  /** Told of mistakes that the program itself has noticed. */
  readonly onCritical: (line: string) => void;
}

/** The directory's files come in no order of their own. */
class OrderedDisk extends Disk {
  override async *list(): AsyncGenerator<ListedFile> {
    const files: ListedFile[] = [];
    for await (const file of super.list()) files.push(file);
    yield* files.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  }
}

/** One process. */
export class Life {
  readonly keeper: Keeper;
  readonly handler: Handler;
  readonly #directory: string;
  readonly #cacheBytes: number;
  readonly #draftsBefore: ReadonlySet<string>;
  /** False while files of an earlier life aren't counted. */
  #isCounted: boolean;
  #indexed: Promise<void> | undefined;

  constructor({ directory, setting, rules, nowMs, onCritical }: LifeParts) {
    this.#directory = directory;
    this.#cacheBytes = setting.cacheBytes;
    const names = readdirSync(directory);
    this.#isCounted = names.length === 0;
    this.#draftsBefore = new Set(names);
    const log = createLog("critical", onCritical, nowMs);
    const origin = new S3Origin({
      prefix: "",
      address: S3_ADDRESS,
      region: "fuzz",
      credentials: undefined,
      userAgent: "fuzz",
      nowMs,
      deadlineMs: DEADLINE_MS,
    });
    const uses = new Uses();
    const { cacheBytes, memoryBytes, maxObjectBytes } = setting;
    const disk = cacheBytes === 0 ? undefined : new OrderedDisk(directory, origin.name);
    const sizes = { cacheBytes, memoryBytes, maxObjectBytes };
    this.keeper = new Keeper({
      ...sizes,
      uses,
      origin,
      disk,
      arePrecompressed: false,
      freshness: rules,
      random: () => 0.5,
      nowMs,
      log,
    });
    const hotMap = new HotMap();
    this.keeper.attach({
      drop: (keys) => hotMap.drop(keys),
      dropAll: async () => hotMap.dropAll(),
      caughtUp: async () => {},
    });
    const unasked = () => Promise.reject();
    const operations = { readiness: unasked, metrics: unasked, explain: unasked, overview: unasked };
    this.handler = createHandler({
      keeper: this.keeper,
      operations,
      live: new LiveFeed(operations),
      uses,
      hotMap,
      requestsUnderWay: () => 0,
      cors: corsPolicy([]),
      authKey: undefined,
      isManaging: true,
      bucket: "fuzz",
      prefix: "",
      website: websiteOf({
        indexDocument: undefined,
        errorDocument: undefined,
        isSpa: false,
        isListed: false,
      }),
      headerRules: [],
      rejectQueryStrings: false,
      addresses: new ClientAddresses([]),
      observers: [],
      nowNs: () => 0,
      nowMs,
      log,
    });
  }

  /** Reads the directory, once. */
  index(): void {
    if (this.#indexed !== undefined) return;
    this.#indexed = this.keeper.index().then(() => {
      this.#isCounted ||= this.#cacheBytes > 0;
    });
  }

  /** Ends it as a signal does, once its clients have their answers. */
  async stop(): Promise<void> {
    const wasCounted = this.#isCounted;
    this.keeper.stopIndexing();
    await this.#indexed;
    this.#isCounted = wasCounted;
    await this.keeper.settle();
  }

  /** What is wrong with the directory now; undefined where nothing is. */
  problem(tolerance: number): string | undefined {
    if (!this.#isCounted) return undefined;
    const bytes = readdirSync(this.#directory).map(
      (name) => statSync(join(this.#directory, name), { throwIfNoEntry: false })?.size ?? 0,
    );
    const sum = bytes.reduce((one, other) => one + other, 0);
    return sum > this.#cacheBytes * tolerance
      ? `${sum} bytes on disk, at most ${this.#cacheBytes}`
      : undefined;
  }

  /** Drafts that this life has left. */
  drafts(): string[] {
    return readdirSync(this.#directory).filter(
      (name) => name.endsWith(".draft") && !this.#draftsBefore.has(name),
    );
  }
}
