/**
 * Which entries are used: marks in shared memory, so that an edge that answers from its own copy tells nobody. SIEVE takes
 * them when it looks for who must go (`sieve.ts`).
 */

/** Entries that have marks of their own; beyond it some share them, which makes one of them look used. Two bytes each. */
const MARKED_ENTRIES = 2 ** 20;
/** Most marks an entry can have. */
const MOST_MARKS = 3;

/** The marks of all entries: for the memory's bound, and for the disk's. A mark that is lost between threads does no harm. */
export class Uses {
  readonly buffer: SharedArrayBuffer;
  readonly #marks: Uint8Array;

  /** @param buffer of another `Uses`, to be the same; without marks where it is left out */
  constructor(buffer = new SharedArrayBuffer(2 * MARKED_ENTRIES)) {
    this.buffer = buffer;
    this.#marks = new Uint8Array(buffer);
  }

  /** Marks an entry as used. */
  mark(useIndex: number): void {
    const at = memoryAt(useIndex);
    const inMemory = this.#marks[at] ?? 0;
    const onDisk = this.#marks[at + 1] ?? 0;
    if (inMemory < MOST_MARKS) this.#marks[at] = inMemory + 1;
    if (onDisk < MOST_MARKS) this.#marks[at + 1] = onDisk + 1;
  }

  /** Takes one mark that counts for the memory's bound; false where there is none. */
  takeInMemory(useIndex: number): boolean {
    return this.#take(memoryAt(useIndex));
  }

  /** Takes one mark that counts for the disk's bound; false where there is none. */
  takeOnDisk(useIndex: number): boolean {
    return this.#take(memoryAt(useIndex) + 1);
  }

  /** Takes all marks, for an entry that is new. */
  reset(useIndex: number): void {
    this.#marks.fill(0, memoryAt(useIndex), memoryAt(useIndex) + 2);
  }

  #take(at: number): boolean {
    const marks = this.#marks[at] ?? 0;
    if (marks === 0) return false;
    this.#marks[at] = marks - 1;
    return true;
  }
}

function memoryAt(useIndex: number): number {
  return (useIndex % MARKED_ENTRIES) * 2;
}
