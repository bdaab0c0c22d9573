/** A place where requests wait until a test lets them pass. No clock is involved. */
export interface Hold {
  /** Resolves when the first request has come to wait. */
  readonly arrived: Promise<void>;
  /** Resolves when so many requests have come to wait, counted from the start. */
  arrivals(count: number): Promise<void>;
  /** How many wait now; one whose client went away waits no more. */
  readonly waiting: number;
  /** Lets so many pass, the oldest first; without a count all of them, and all later ones. */
  release(count?: number): void;
}

/** The side of a hold that the server uses. */
export interface HoldControl extends Hold {
  /** Waits to be released or for `gone`, whichever is first; true when released. */
  pass(gone: Promise<unknown>): Promise<boolean>;
}

interface Arrival {
  count: number;
  resolve: () => void;
}

/** Makes a hold; `onOpen` is called once, when it is released for good. */
export function createHold(onOpen: () => void): HoldControl {
  const queue = new Set<() => void>();
  let arrivals: Arrival[] = [];
  let arrivedCount = 0;
  let isOpen = false;

  function arrivalsOf(count: number): Promise<void> {
    if (arrivedCount >= count) return Promise.resolve();
    return new Promise((resolve) => arrivals.push({ count, resolve }));
  }

  async function pass(gone: Promise<unknown>): Promise<boolean> {
    if (isOpen) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const letPass = () => resolve(true);
    queue.add(letPass);
    arrivedCount += 1;
    for (const arrival of arrivals) if (arrival.count <= arrivedCount) arrival.resolve();
    arrivals = arrivals.filter((arrival) => arrival.count > arrivedCount);
    const isReleased = await Promise.race([promise, gone.then(() => false)]);
    queue.delete(letPass);
    return isReleased;
  }

  function release(count?: number): void {
    if (count === undefined && !isOpen) {
      isOpen = true;
      onOpen();
    }
    for (const letPass of [...queue].slice(0, count)) {
      queue.delete(letPass);
      letPass();
    }
  }

  return {
    arrived: arrivalsOf(1),
    arrivals: arrivalsOf,
    get waiting() {
      return queue.size;
    },
    release,
    pass,
  };
}
