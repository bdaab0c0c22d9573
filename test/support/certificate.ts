/** Certificates for tests, made on the spot: self-signed, for one name and for 127.0.0.1 (RFC 5280). */

import { createHash, generateKeyPairSync, sign } from "node:crypto";

/** A certificate and its key as PEM. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
  /** SHA-256 of its public key, base64: what Chromium is told to trust it by. */
  readonly keyHash: string;
}

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = [42, 134, 72, 206, 61, 4, 3, 2];
const COMMON_NAME = [85, 4, 3];
const SUBJECT_ALT_NAME = [85, 29, 17];
const LOCALHOST = [127, 0, 0, 1];

/** Makes a certificate that is good from yesterday until tomorrow, on the curve P-256. */
export function makeCertificate(name: string): TestCertificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const publicKeyInfo = publicKey.export({ type: "spki", format: "der" });
  const algorithm = sequence(tagged(0x06, ECDSA_WITH_SHA256));
  const subject = sequence(tagged(0x31, sequence(tagged(0x06, COMMON_NAME), tagged(0x0c, name))));
  const altNames = sequence(tagged(0x82, name), tagged(0x87, LOCALHOST));
  const extension = sequence(tagged(0x06, SUBJECT_ALT_NAME), tagged(0x04, altNames));
  const serial = tagged(0x02, [1, ...crypto.getRandomValues(new Uint8Array(8))]);
  const unsigned = sequence(
    tagged(0xa0, tagged(0x02, [2])),
    serial,
    algorithm,
    subject,
    sequence(time(Date.now() - DAY_MS), time(Date.now() + DAY_MS)),
    subject,
    publicKeyInfo,
    tagged(0xa3, sequence(extension)),
  );
  const signature = sign("sha256", unsigned, privateKey);
  const certificate = sequence(
    unsigned,
    algorithm,
    tagged(0x03, Buffer.concat([Buffer.from([0]), signature])),
  );
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString("base64").replaceAll(/(.{64})/g, "$1\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    keyHash: createHash("sha256").update(publicKeyInfo).digest("base64"),
  };
}

/** One DER value: tag, length, content. */
function tagged(tag: number, content: string | Uint8Array | readonly number[]): Buffer {
  const bytes = typeof content === "string" ? Buffer.from(content) : Buffer.from(content);
  const { length } = bytes;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), bytes]);
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

/** UTCTime: two digits of the year. */
function time(atMs: number): Buffer {
  const digits = new Date(atMs).toISOString().replaceAll(/\D/g, "");
  return tagged(0x17, `${digits.slice(2, 14)}Z`);
}
