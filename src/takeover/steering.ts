/**
 * Which listeners of a shared port get new connections. Linux spreads them over all by a hash, and resets what waits for a listener that is
 * closed; a program of the classic packet filter, attached to the group of listeners, chooses in its place (docs/decisions/013-takeover.md).
 */

import { descriptorsOn, openSockets } from "./sockets.ts";

/** How many listeners a port has. */
export interface Listeners {
  readonly port: number;
  readonly count: number;
}

/** Sends new connections to some of a port's listeners. On another system than Linux nothing can be chosen, and nothing is. */
export class Steering {
  readonly #others: readonly Listeners[];
  readonly #sockets = openSockets();

  /** @param others the listeners of the other program, which are older: the kernel numbers them first */
  constructor(others: readonly Listeners[]) {
    this.#others = others;
  }

  /** From now on all new connections are this process'. @returns false where that can't be had */
  toOwn(): boolean {
    return this.#attach((others, own) => randomFilter(others, own));
  }

  /**
   * The same while the others close, one after the other. The kernel puts the last socket into the place of a closed one: only these
   * numbers stay this process' all the while.
   */
  toOwnWhileOthersClose(): boolean {
    return this.#attach((others, own) => randomFilter(others, Math.max(own - others + 1, 1)));
  }

  /** The kernel decides again. */
  release(): void {
    const sockets = this.#sockets;
    if (sockets === undefined) return;
    for (const { port } of this.#others) {
      const [descriptor] = descriptorsOn(sockets, port);
      if (descriptor !== undefined) sockets.choose(descriptor, undefined);
    }
  }

  #attach(filterOf: (others: number, own: number) => Uint8Array): boolean {
    const sockets = this.#sockets;
    if (sockets === undefined) return false;
    return this.#others.every(({ port, count }) => {
      const own = descriptorsOn(sockets, port);
      const [descriptor] = own;
      return descriptor === undefined || sockets.choose(descriptor, filterOf(count, own.length));
    });
  }
}

/** How many listeners this process has on these ports. */
export function listenersOn(ports: readonly number[]): Listeners[] {
  const sockets = openSockets();
  return ports.map((port) => ({
    port,
    count: sockets === undefined ? 0 : descriptorsOn(sockets, port).length,
  }));
}

/**
 * The filter that chooses at random among `count` sockets from number `first` on: instructions of eight bytes (linux/filter.h). Where there is
 * no socket of the number it gives, the kernel's hash decides.
 */
export function randomFilter(first: number, count: number): Uint8Array {
  const LOAD_WORD = 0x20;
  const MODULO = 0x94;
  const ADD = 0x04;
  const RETURN = 0x16;
  const RANDOM_NUMBER = 0xffff_f038; // SKF_AD_OFF + SKF_AD_RANDOM
  const instructions = [
    [LOAD_WORD, RANDOM_NUMBER],
    [MODULO, count],
    [ADD, first],
    [RETURN, 0],
  ] as const;
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, [code, operand]] of instructions.entries()) {
    view.setUint16(index * 8, code, true);
    view.setUint32(index * 8 + 4, operand, true);
  }
  return bytes;
}
