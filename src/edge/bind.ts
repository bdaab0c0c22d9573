/** Taking an address, and saying so where it can't be had. */

import { createServer } from "node:net";

/** All interfaces, IPv6 and IPv4. */
const ANY_ADDRESS = "::";
const ANY_IPV4_ADDRESS = "0.0.0.0";

/** Where to listen. */
export interface Address {
  /** Absent for all interfaces. */
  readonly host: string | undefined;
  /** 0 for any free port. */
  readonly port: number;
  /** The flag that chooses the port; `port` where it is left out. */
  readonly flag?: string;
  /** True where a program listens there already whose place this one takes. */
  readonly isTakenOver?: boolean;
}

/**
 * Listeners that share a port would also share it with another program's; a plain one does not.
 *
 * @throws where the port is in use by another program than the one whose place is taken
 */
export async function assertFree(options: Address): Promise<void> {
  if (options.port === 0 || options.isTakenOver) return;
  const probe = createServer((socket) => socket.destroy());
  const { promise, resolve } = Promise.withResolvers<unknown>();
  probe.once("error", resolve);
  probe.listen({ port: options.port, host: options.host ?? ANY_ADDRESS }, () =>
    probe.close(() => resolve(undefined)),
  );
  const error = await promise;
  // Any other error comes again, and is reported, where the edges listen.
  orInUse(options, () => {
    if ((error as NodeJS.ErrnoException | undefined)?.code === "EADDRINUSE") throw error;
  });
}

/** What `bind` gives; an address that is taken becomes an error that says which. */
export function orInUse<Bound>(options: Address, bind: () => Bound): Bound {
  try {
    return bind();
  } catch (error) {
    throw (error as { code?: unknown }).code === "EADDRINUSE" ? inUse(options) : error;
  }
}

/** The error for an address that is taken, naming the flag that chooses another. */
export function inUse({ host, port, flag = "port" }: Address): Error {
  return new Error(`Port ${port} on ${host ?? "all interfaces"} is in use, wanted a free one for --${flag}`);
}

/** The address that takes both protocols, or IPv4 alone where the machine has no IPv6. */
export function onAnyAddress<Server>(serve: (hostname: string) => Server): Server {
  try {
    return serve(ANY_ADDRESS);
  } catch (error) {
    if ((error as { code?: unknown }).code === "EADDRINUSE") throw error;
    return serve(ANY_IPV4_ADDRESS);
  }
}
