/** A certificate and its private key: read from their files, and looked at before anybody serves with them. */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";

/** The files' PEM texts; plain data, so that they can be sent to a thread. */
export interface Certificate {
  /** The certificate, and then those of its issuers that clients don't have. */
  readonly chain: string;
  readonly privateKey: string;
}

/** Where a certificate is. */
export interface CertificateFiles {
  readonly certPath: string;
  readonly keyPath: string;
}

/** A certificate or key can't be used; the message is for the user and shows nothing of the key. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
}

/** A chain and a key have some kilobytes; what has more, in bytes, is another file. */
const FILE_BYTES = 1024 * 1024;

const BEGIN = /-----BEGIN CERTIFICATE-----/g;
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * Reads both files and checks that they go together.
 *
 * @throws CertificateError
 */
export async function readCertificate({ certPath, keyPath }: CertificateFiles): Promise<Certificate> {
  const [chain, privateKey] = await Promise.all([readText(certPath), readText(keyPath)]);
  const [leaf] = certificatesIn(chain, certPath);
  if (leaf?.checkPrivateKey(privateKeyIn(privateKey, keyPath)) !== true) {
    throw new CertificateError(
      `The private key in "${keyPath}" doesn't go with the certificate in "${certPath}"`,
    );
  }
  return { chain, privateKey };
}

/** What a log line says of a certificate that was read. */
export function describeCertificate({ chain }: Certificate): { subject: string; expires: string } {
  const { subject, subjectAltName, validToDate } = new X509Certificate(chain);
  return { subject: subjectAltName ?? subject, expires: validToDate.toISOString() };
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await statFile(path);
    if (size > FILE_BYTES) throw new Error(`it has more than ${FILE_BYTES} bytes`);
    return await readFile(path, "latin1");
  } catch (error) {
    throw new CertificateError(`"${path}" can't be read: ${(error as Error).message}`);
  }
}

/** What isn't a file, such as a pipe, could keep a reader waiting for ever. */
async function statFile(path: string) {
  const status = await stat(path);
  if (!status.isFile()) throw new Error("it is not a file");
  return status;
}

/** All of a chain: one that was written by half has a last certificate without an end. */
function certificatesIn(chain: string, path: string): X509Certificate[] {
  const blocks = chain.match(BLOCK) ?? [];
  try {
    if (blocks.length === 0 || blocks.length !== chain.match(BEGIN)?.length)
      throw new Error("No whole block");
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    throw new CertificateError(`"${path}" doesn't hold whole certificates, wanted PEM`);
  }
}

function privateKeyIn(pem: string, path: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new CertificateError(`"${path}" doesn't hold a private key without a passphrase, wanted PEM`);
  }
}
