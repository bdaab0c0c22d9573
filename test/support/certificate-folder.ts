/** A certificate and its key in files, as a program that renews them would leave them. */

import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate, type TestCertificate } from "./certificate.ts";

/** The files, and the flags that name them. */
export interface CertificateFolder {
  readonly path: string;
  readonly certPath: string;
  readonly keyPath: string;
  readonly flags: readonly string[];
  readonly certificate: TestCertificate;
  /** Makes a certificate for another name and puts it in place of the one before, by rename. */
  renew(name: string): TestCertificate;
  /** Puts a text in place of one of the files, by rename. */
  replace(path: string, text: string): void;
  remove(): void;
}

/** Makes a folder with a certificate for a name. */
export function certificateFolder(name: string): CertificateFolder {
  const path = mkdtempSync(join(tmpdir(), "s3proxy-tls-"));
  const certPath = join(path, "cert.pem");
  const keyPath = join(path, "key.pem");
  const replace = (target: string, text: string) => {
    const draft = `${target}.new`;
    writeFileSync(draft, text, { mode: 0o600 });
    renameSync(draft, target);
  };
  const renew = (newName: string) => {
    const made = makeCertificate(newName);
    replace(certPath, made.cert);
    replace(keyPath, made.key);
    return made;
  };
  return {
    path,
    certPath,
    keyPath,
    flags: ["--tls-cert", certPath, "--tls-key", keyPath],
    certificate: renew(name),
    renew,
    replace,
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
