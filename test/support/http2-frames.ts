/** HTTP/2 frames and header blocks as bytes (RFC 9113, RFC 7541): also those that no decent client sends. */

/** Frame types: RFC 9113 section 6. */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags of a frame; `ack` is of SETTINGS and PING, `endStream` of DATA and HEADERS. */
export const FLAG = { none: 0, endStream: 1, ack: 1, endHeaders: 4 } as const;

/** Settings: RFC 9113 section 6.5.2. */
export const SETTING = { headerTableSize: 1, initialWindowSize: 4 } as const;

/** Error codes: RFC 9113 section 7. */
export const ERROR_NAMES = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
] as const;

/** What a client's connection begins with: RFC 9113 section 3.4. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

const HEADER_BYTES = 9;
/** Streams have 31 bits; the highest one is reserved. */
const STREAM_MASK = 0x7fff_ffff;

/** One header field; several of one name are written one after the other. */
export type Field = readonly [name: string, value: string];

/** A frame that has come. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** One frame. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array = EMPTY): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

const EMPTY = new Uint8Array(0);

/** SETTINGS of one value, or of none. */
export function settings(id?: number, value = 0): Buffer {
  if (id === undefined) return frame(FRAME.settings, FLAG.none, 0);
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(id, 0);
  payload.writeUInt32BE(value, 2);
  return frame(FRAME.settings, FLAG.none, 0, payload);
}

/** RST_STREAM: the client has changed its mind. */
export function reset(stream: number, code = ERROR_NAMES.indexOf("CANCEL")): Buffer {
  return frame(FRAME.reset, FLAG.none, stream, uint32(code));
}

/** WINDOW_UPDATE; 0 is an error that the server must answer by itself. */
export function windowUpdate(stream: number, bytes: number): Buffer {
  return frame(FRAME.windowUpdate, FLAG.none, stream, uint32(bytes));
}

/** PING, with eight bytes that the server sends back. */
export function ping(text = "????????"): Buffer {
  return frame(FRAME.ping, FLAG.none, 0, Buffer.from(text, "latin1"));
}

/** A request whose head is one frame, and which has no body. */
export function request(stream: number, fields: readonly Field[]): Buffer {
  return frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, stream, headerBlock(fields));
}

/** The pseudo-header fields of a GET, and what else there is. */
export function get(path: string, ...more: readonly Field[]): Field[] {
  return [[":method", "GET"], [":scheme", "http"], [":path", path], [":authority", "a"], ...more];
}

/** Literals that nothing remembers, names included, so that the block means the same on any connection. */
export function headerBlock(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [Buffer.from([0x00]), hpackText(name), hpackText(value)]),
  );
}

/** A text as HPACK writes it, each character one byte: RFC 7541 section 5.2, without Huffman's code. */
export function hpackText(text: string): Buffer {
  return Buffer.concat([hpackInteger(text.length, 7), Buffer.from(text, "latin1")]);
}

/** A number that begins in the last `prefixBits` of a byte: RFC 7541 section 5.1. */
function hpackInteger(value: number, prefixBits: number): Buffer {
  const most = 2 ** prefixBits - 1;
  if (value < most) return Buffer.from([value]);
  const bytes = [most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  #pending = Buffer.alloc(0);

  /** The frames that are whole with these bytes. */
  add(bytes: Uint8Array): Frame[] {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    const frames: Frame[] = [];
    while (this.#pending.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + this.#pending.readUIntBE(0, 3);
      if (this.#pending.length < end) break;
      frames.push({
        type: this.#pending.readUInt8(3),
        flags: this.#pending.readUInt8(4),
        stream: this.#pending.readUInt32BE(5) & STREAM_MASK,
        payload: this.#pending.subarray(HEADER_BYTES, end),
      });
      this.#pending = this.#pending.subarray(end);
    }
    return frames;
  }
}

/** The name of the error code that a RST_STREAM or a GOAWAY carries. */
export function errorOf({ type, payload }: Frame): string {
  const code = payload.readUInt32BE(type === FRAME.goAway ? 4 : 0);
  return ERROR_NAMES[code] ?? String(code);
}

/** Of the static table (RFC 7541 appendix A): index to status. */
const STATIC_STATUSES: Readonly<Record<number, number>> = {
  8: 200,
  9: 204,
  10: 206,
  11: 304,
  12: 400,
  13: 404,
  14: 500,
};
/** Huffman's code of the digits (RFC 7541 appendix B): 0 to 2 have five bits, the others six. */
const DIGIT_CODES = [
  "00000",
  "00001",
  "00010",
  "011001",
  "011010",
  "011011",
  "011100",
  "011101",
  "011110",
  "011111",
];

/** The status of the first answer of a connection, which stands first in its header block. Throws where it doesn't. */
export function statusOf({ payload }: Frame): number {
  const [first = 0, lengthByte = 0] = payload;
  const indexed = STATIC_STATUSES[first - 0x80];
  if (indexed !== undefined) return indexed;
  // A literal whose name is the static table's :status, remembered (0x48) or not (0x08).
  if (first !== 0x48 && first !== 0x08) throw new Error(`The block begins with ${first}, not with a status`);
  const value = payload.subarray(2, 2 + (lengthByte & 0x7f));
  return Number(lengthByte < 0x80 ? value.toString("latin1") : digitsOf(value));
}

function digitsOf(huffman: Buffer): string {
  let bits = [...huffman].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  let digits = "";
  for (;;) {
    const digit = DIGIT_CODES.findIndex((code) => bits.startsWith(code));
    if (digit < 0) return digits;
    digits += digit;
    bits = bits.slice(DIGIT_CODES[digit]!.length);
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
