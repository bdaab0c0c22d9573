/** What Bun doesn't say of its listeners, and can't do to them: asked of Linux itself, through the C library. */

import { dlopen, ptr } from "bun:ffi";
import { readdirSync } from "node:fs";

/** Linux' names (asm-generic/socket.h); the same on x64 and arm64. */
const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const AF_INET = 2;
const AF_INET6 = 10;
const SO_ATTACH_REUSEPORT_CBPF = 51;
const SO_DETACH_REUSEPORT_BPF = 68;
/** glibc; it is what the program needs anyway. */
const C_LIBRARY = "libc.so.6";
/** Room for an address of either family. */
const ADDRESS_BYTES = 128;

/** Linux' sockets, by their descriptors. */
export interface Sockets {
  /** The TCP port that a socket listens on; undefined where it doesn't, or is no socket. */
  listeningPort(descriptor: number): number | undefined;
  /**
   * Attaches a filter that chooses a listener to the group that this one is in, or takes it away. @returns false where the kernel refuses
   */
  choose(descriptor: number, filter: Uint8Array | undefined): boolean;
}

/** Undefined on another system than Linux, and where its C library isn't found. */
export function openSockets(): Sockets | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    return socketsOf(openLibrary());
  } catch {
    return undefined;
  }
}

/** The descriptors of this process' sockets that listen on a port. */
export function descriptorsOn(sockets: Sockets, port: number): number[] {
  const all = readdirSync("/proc/self/fd").map(Number);
  return all.filter((descriptor) => sockets.listeningPort(descriptor) === port);
}

function openLibrary() {
  return dlopen(C_LIBRARY, {
    setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
    getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
    getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  }).symbols;
}

function socketsOf({ setsockopt, getsockopt, getsockname }: ReturnType<typeof openLibrary>): Sockets {
  const value = new Int32Array(1);
  const length = new Uint32Array(1);
  const address = new Uint8Array(ADDRESS_BYTES);
  return {
    listeningPort(descriptor) {
      length[0] = value.byteLength;
      if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, ptr(value), ptr(length)) !== 0) return undefined;
      if (value[0] !== 1) return undefined;
      length[0] = ADDRESS_BYTES;
      if (getsockname(descriptor, ptr(address), ptr(length)) !== 0) return undefined;
      const view = new DataView(address.buffer);
      const family = view.getUint16(0, true);
      // Behind the family, in the network's byte order.
      return family === AF_INET || family === AF_INET6 ? view.getUint16(2) : undefined;
    },
    choose(descriptor, filter) {
      const option = filter === undefined ? SO_DETACH_REUSEPORT_BPF : SO_ATTACH_REUSEPORT_CBPF;
      const given = filter === undefined ? new Uint8Array(4) : programOf(filter);
      return setsockopt(descriptor, SOL_SOCKET, option, ptr(given), given.length) === 0;
    },
  };
}

/** `struct sock_fprog`: how many instructions, and where they are. */
function programOf(filter: Uint8Array): Uint8Array {
  const program = new Uint8Array(16);
  const view = new DataView(program.buffer);
  view.setUint16(0, filter.length / 8, true);
  view.setBigUint64(8, BigInt(ptr(filter)), true);
  return program;
}
