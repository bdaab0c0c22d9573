/** Waiting by turns of the event loop, where no clock is involved. */

/** Lets so many turns pass: what needs no file and no network has come to its end then. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
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
