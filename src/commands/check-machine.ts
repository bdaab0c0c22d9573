/** What is on this machine: the cache directory and the files that the options name. */

import { accessSync, constants, existsSync, lstatSync, statfsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { bytesText } from "../common/bytes-text.ts";
import { lockFile } from "../common/exclusive-lock.ts";
import type { Config } from "../config/config.ts";
import { readHeaderRules } from "../http/header-rules-file.ts";
import { LOCK_NAME } from "../keeper/directory-lock.ts";
import { describeCertificate, readCertificate } from "../tls/certificate.ts";
import { failed, type Outcome, ok, warning } from "./finding.ts";

/** A certificate that ends so soon, in milliseconds, should have been renewed: who renews does it a month before. */
const CERTIFICATE_SOON_MS = 14 * 24 * 3_600_000;

/** The cache directory can be used. Nothing is made there: it would belong to whoever checks, and not to who serves. */
export async function checkCache({ cacheDir, cacheSize, takeover }: Config): Promise<Outcome> {
  if (cacheSize === 0) return warning("nothing is kept on disk (--cache-size 0)");
  try {
    if (!existsSync(cacheDir)) return checkParent(cacheDir, cacheSize);
    const found = lstatSync(cacheDir);
    if (!found.isDirectory()) return failed(`"${cacheDir}" is not a directory`);
    const uid = process.getuid?.();
    if (uid !== undefined && found.uid !== uid)
      return failed(`"${cacheDir}" belongs to user ${found.uid}, wanted one that belongs to user ${uid}`);
    accessSync(cacheDir, constants.R_OK | constants.W_OK | constants.X_OK);
    const isLocked = existsSync(join(cacheDir, LOCK_NAME)) && isHeld(join(cacheDir, LOCK_NAME));
    const room = roomIn(cacheDir, cacheSize, await usedBytes(cacheDir));
    if (!isLocked) return room;
    if (takeover !== undefined && existsSync(takeover))
      return ok(
        `"${cacheDir}" is in use by an s3proxy that runs, and will be free when its place is taken (--takeover)`,
      );
    return warning(`"${cacheDir}" is in use by an s3proxy that runs; another one needs its own --cache-dir`);
  } catch (error) {
    return failed(`"${cacheDir}" can't be used (${(error as Error).message})`);
  }
}

function checkParent(cacheDir: string, cacheSize: number): Outcome {
  let parent = resolve(cacheDir);
  while (!existsSync(parent)) parent = dirname(parent);
  accessSync(parent, constants.W_OK | constants.X_OK);
  const room = roomIn(parent, cacheSize, 0);
  return room.state === "ok" ? ok(`"${cacheDir}" will be made; ${room.text}`) : room;
}

/** True where another process has the lock. */
function isHeld(path: string): boolean {
  const lock = lockFile(path);
  lock?.release();
  return lock === undefined;
}

function roomIn(directory: string, cacheSize: number, usedByCache: number): Outcome {
  const { bavail, bsize } = statfsSync(directory);
  const room = bavail * bsize + usedByCache;
  const has = `"${directory}" can be written, ${bytesText(usedByCache)} in use and ${bytesText(bavail * bsize)} free`;
  if (room >= cacheSize) return ok(has);
  return warning(
    `${has}: less than --cache-size ${bytesText(cacheSize)}, objects won't be kept when the disk is full`,
  );
}

async function usedBytes(directory: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(directory)) {
    const found = await stat(join(directory, name)).catch(() => undefined);
    if (found?.isFile() === true) bytes += found.size;
  }
  return bytes;
}

/** The file of response headers can be understood. */
export function checkHeaders(path: string): Outcome {
  try {
    return ok(`"${path}" has ${readHeaderRules(path).length} patterns`);
  } catch (error) {
    return failed((error as Error).message);
  }
}

/** The certificate that is served with is whole, has its key, and lasts. */
export async function checkCertificate(certPath: string, keyPath: string, nowMs: number): Promise<Outcome> {
  try {
    const { subject, expires } = describeCertificate(await readCertificate({ certPath, keyPath }));
    const leftMs = Date.parse(expires) - nowMs;
    const until = `${subject} until ${expires.slice(0, 10)}`;
    if (leftMs <= 0) return failed(`${until}: it has expired, renew it`);
    if (leftMs < CERTIFICATE_SOON_MS) return warning(`${until}: that is soon, look at who renews it`);
    return ok(until);
  } catch (error) {
    return failed((error as Error).message);
  }
}
