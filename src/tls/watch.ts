/** Looks again and again whether a certificate was renewed. */

import type { Log } from "../log/log.ts";
import { type Certificate, CertificateError, describeCertificate } from "./certificate.ts";

/** How often the files are read, in milliseconds: two small reads, and a renewal is served a moment later. */
const LOOK_EVERY_MS = 1_000;

/**
 * The certificate that is served with. It compares what the files hold: renewals come by rename, through symbolic links that change, or
 * by writing in place, and a notification of the file system sees only some of these.
 */
export class CertificateWatch {
  readonly #read: () => Promise<Certificate>;
  readonly #log: Log;
  #current: Certificate;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What was wrong at the last look, and what the log has been told of. */
  #problem: string | undefined;
  #told: string | undefined;

  private constructor(current: Certificate, read: () => Promise<Certificate>, log: Log) {
    this.#current = current;
    this.#read = read;
    this.#log = log;
    log.info("Certificate", describeCertificate(current));
  }

  /**
   * Reads a certificate for the first time.
   *
   * @param read reads the files and checks what they hold
   * @throws CertificateError
   */
  static async open(read: () => Promise<Certificate>, log: Log): Promise<CertificateWatch> {
    return new CertificateWatch(await read(), read, log);
  }

  /** The latest that can be used. */
  get current(): Certificate {
    return this.#current;
  }

  /** Looks every second, and says what is new. */
  start(renew: (certificate: Certificate) => void): void {
    this.#timer = setTimeout(async () => {
      await this.look(renew);
      if (this.#timer !== undefined) this.start(renew);
    }, LOOK_EVERY_MS);
  }

  /** Looks no more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Looks once. What can't be used leaves the one before serving. */
  async look(renew: (certificate: Certificate) => void): Promise<void> {
    try {
      this.take(await this.read(), renew);
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      this.#complain(error.message);
    }
  }

  /**
   * What the files hold now.
   *
   * @throws CertificateError
   */
  read(): Promise<Certificate> {
    return this.#read();
  }

  /** From now on this one is served with. Returns false where it is the same as before. */
  take(found: Certificate, renew: (certificate: Certificate) => void): boolean {
    this.#problem = undefined;
    this.#told = undefined;
    if (found.chain === this.#current.chain && found.privateKey === this.#current.privateKey) return false;
    this.#current = found;
    renew(found);
    this.#log.info("Certificate renewed", describeCertificate(found));
    return true;
  }

  /** A renewal is two files, written one after the other: only what is still wrong at the next look is worth a line, and only one. */
  #complain(problem: string): void {
    const isStill = problem === this.#problem;
    this.#problem = problem;
    if (!isStill || problem === this.#told) return;
    this.#told = problem;
    this.#log.warn("The new certificate can't be used, the one before stays", { reason: problem });
  }
}
