/** Waiting by turns of the event loop, where no clock is involved. */

/** Lets so many turns pass: what needs no file and no network has come to its end then. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets promises settle that wait for nothing but each other, within this turn. */
export async function microtasks(count = 100): Promise<void> {
  for (let each = 0; each < count; each++) await undefined;
}

/** True where the promise resolves within some turns. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let isDone = false;
  void promise.then(() => {
    isDone = true;
  });
  await turns();
  return isDone;
}
