import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { makeCertificate } from "../support/certificate.ts";
import { type CertificateFolder, certificateFolder } from "../support/certificate-folder.ts";
import { PROTOCOLS } from "../support/client.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import { bytesOf, until } from "../support/site.ts";
import { askTls, connectTls, handshakeOf } from "../support/tls-client.ts";
import { startVisitor } from "../support/tls-visitor.ts";

/** A look at the files, and the end of the listener before, take a second each. */
setDefaultTimeout(30_000);

const LARGE = bytesOf(3_000_000);
/** So many in a row come to every one of four threads, and to both of two listeners (all but certainly). */
const CONNECTIONS = 48;

let s3: MemoryS3;
let folder: CertificateFolder;
let proxy: RunningProxy;
beforeEach(async () => {
  s3 = await startMemoryS3();
  s3.put("index.html", "home");
  folder = certificateFolder("one.test");
});
afterEach(async () => {
  await proxy?.stop();
  folder?.remove();
  await s3?.stop();
});

/** The names in the certificates of new connections. */
async function namesOf(port: number): Promise<string[]> {
  const names = new Set<string>();
  for (let count = 0; count < CONNECTIONS; count++) {
    const socket = await connectTls(port).catch(() => undefined);
    // In the moment a listener ends the kernel may reset a connection that is being opened (docs/decisions/009-tls-reload.md).
    if (socket === undefined) continue;
    names.add(handshakeOf(socket).name);
    socket.destroy();
  }
  return [...names];
}

/** Resolves when every new connection sees this name. */
function untilServed(name: string): Promise<void> {
  return until(async () => (await namesOf(proxy.port)).join() === name);
}

describe.each([1, 4])("with --threads %p", (threads) => {
  beforeEach(async () => {
    proxy = await startProxy({ s3, threads, args: folder.flags });
  });

  test("new connections see the new certificate, and what is in flight ends whole", async () => {
    const held = PROTOCOLS.map((protocol, at) => {
      s3.put(`large-${at}.bin`, LARGE);
      return { hold: s3.holdBody(`large-${at}.bin`, 100_000), protocol, path: `/large-${at}.bin` };
    });
    const answers = held.map((each) => askTls(proxy.port, each));
    await Promise.all(held.map(({ hold }) => hold.arrived));
    for (const name of ["two.test", "three.test"]) {
      folder.renew(name);
      expect(await proxy.line(new RegExp(` Certificate renewed .*${name}`))).toContain(" info ");
      await untilServed(name);
    }
    for (const { hold } of held) hold.release();
    for (const answer of await Promise.all(answers)) {
      expect([answer.status, answer.isComplete, answer.name]).toEqual([200, true, "one.test"]);
      expect(answer.body.equals(LARGE)).toBe(true);
    }
  });

  test("no visitor who keeps asking sees a failure", async () => {
    const visitors = PROTOCOLS.flatMap((protocol) =>
      Array.from({ length: 8 }, () => startVisitor(proxy.port, protocol, "/")),
    );
    for (const name of ["two.test", "three.test"]) {
      folder.renew(name);
      await proxy.line(new RegExp(` Certificate renewed .*${name}`));
      await untilServed(name);
      // Everybody has been answered by the new listener.
      const marks = visitors.map(({ visits }) => visits.answers);
      await until(() => visitors.every(({ visits }, at) => visits.answers > marks[at]! + 5));
    }
    await Promise.all(visitors.map((visitor) => visitor.leave()));
    expect(visitors.flatMap(({ visits }) => visits.failures)).toEqual([]);
  });

  test("a broken certificate leaves the one before, is said once, and the next good one is taken", async () => {
    folder.replace(folder.certPath, folder.certificate.cert.slice(0, 200));
    expect(await proxy.line(/ can't be used, /)).toContain(" warn ");
    expect(await namesOf(proxy.port)).toEqual(["one.test"]);
    folder.renew("two.test");
    await proxy.line(/ Certificate renewed .*two\.test/);
    await untilServed("two.test");
    expect(proxy.stdout().match(/ can't be used, /g)).toHaveLength(1);
  });

  test("a key that doesn't go with the certificate leaves both", async () => {
    folder.replace(folder.keyPath, makeCertificate("other.test").key);
    expect(await proxy.line(/ can't be used, /)).toContain("doesn't go with");
    expect(await namesOf(proxy.port)).toEqual(["one.test"]);
  });

  test("SIGTERM ends also what was begun with the certificate before", async () => {
    s3.put("large.bin", LARGE);
    const hold = s3.holdBody("large.bin", 100_000);
    const answer = askTls(proxy.port, { path: "/large.bin" });
    await hold.arrived;
    folder.renew("two.test");
    await proxy.line(/ Certificate renewed /);
    await untilServed("two.test");
    proxy.signal("SIGTERM");
    await proxy.line(/ Stopping/);
    await until(async () => (await namesOf(proxy.port)).length === 0);
    hold.release();
    expect((await answer).body.equals(LARGE)).toBe(true);
    const { exitCode, stderr } = await proxy.ended;
    expect([exitCode, stderr]).toEqual([0, ""]);
  });
});

test("a renewal is seen through symbolic links, and where the files are written in place", async () => {
  // As Kubernetes mounts a secret: files link into "..data", which links to a directory and is replaced by rename.
  const { path, certPath, keyPath } = folder;
  const put = (version: string, name: string) => {
    const { cert, key } = makeCertificate(name);
    mkdirSync(`${path}/${version}`);
    writeFileSync(`${path}/${version}/cert.pem`, cert);
    writeFileSync(`${path}/${version}/key.pem`, key);
    symlinkSync(version, `${path}/..data.new`);
    renameSync(`${path}/..data.new`, `${path}/..data`);
  };
  mkdirSync(`${path}/links`);
  put("v1", "one.test");
  for (const file of ["cert.pem", "key.pem"]) symlinkSync(`../..data/${file}`, `${path}/links/${file}`);
  const flags = ["--tls-cert", `${path}/links/cert.pem`, "--tls-key", `${path}/links/key.pem`];
  proxy = await startProxy({ s3, args: flags });
  put("v2", "two.test");
  await proxy.line(/ Certificate renewed .*two\.test/);
  folder.renew("three.test");
  cpSync(certPath, `${path}/v2/cert.pem`);
  cpSync(keyPath, `${path}/v2/key.pem`);
  await proxy.line(/ Certificate renewed .*three\.test/);
  await untilServed("three.test");
});
