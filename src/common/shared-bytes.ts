/** Bytes in memory that threads share. */

/** The chunks, one behind the other, copied to memory that every thread can read. */
export function sharedBytes(chunks: readonly Uint8Array[]): Uint8Array<SharedArrayBuffer> {
  const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
  const whole = new Uint8Array(new SharedArrayBuffer(bytes));
  let filled = 0;
  for (const chunk of chunks) {
    whole.set(chunk, filled);
    filled += chunk.length;
  }
  return whole;
}
