/** What the cache holds, in numbers. */

/** One place where bodies are: memory or disk. */
export interface TierFacts {
  /** Of what is held and what is being written, in bytes. */
  readonly bytes: number;
  /** Their bound. */
  readonly mostBytes: number;
  /** How many went since the start to make room. */
  readonly evictions: number;
}

/** How often the cache directory has failed since the start. */
export interface DirectoryErrors {
  readonly read: number;
  readonly write: number;
  /** Milliseconds since the epoch; absent where it hasn't. */
  readonly lastAtMs: number | undefined;
}

/** What the books say. */
export interface HeldFacts {
  readonly memory: TierFacts;
  readonly disk: TierFacts;
  readonly objects: number;
  /** Objects in another content coding than the stored one. */
  readonly representations: number;
  /** Keys of which it is remembered that there is nothing to be had. */
  readonly negatives: number;
}

/** What the books say, and how the directory does. */
export interface StoreFacts extends HeldFacts {
  readonly directoryErrors: DirectoryErrors;
}

/** The whole of it. */
export interface CacheFacts extends StoreFacts {
  /** True while another program still has the directory, and nothing is kept on disk. */
  readonly isDirectoryAwaited: boolean;
}
