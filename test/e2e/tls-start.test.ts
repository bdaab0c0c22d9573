import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { makeCertificate } from "../support/certificate.ts";
import { type CertificateFolder, certificateFolder } from "../support/certificate-folder.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { bucketFlags, runProxy, startProxy } from "../support/proxy.ts";

let s3: MemoryS3;
let folder: CertificateFolder;
beforeAll(async () => {
  s3 = await startMemoryS3();
  folder = certificateFolder("one.test");
});
afterAll(async () => {
  folder?.remove();
  await s3?.stop();
});

/** Flags of a run that is to end by itself. */
function flags(...more: readonly string[]): string[] {
  return [
    ...bucketFlags(s3),
    "--port",
    "0",
    "--dir",
    folder.path,
    "--cache-dir",
    `${folder.path}/cache`,
    ...more,
  ];
}

describe.each(["1", "4"])("with --threads %s", (threads) => {
  test.each([
    [
      "a certificate that isn't there",
      () => ["--tls-cert", "/nowhere.pem", "--tls-key", folder.keyPath],
      "/nowhere.pem",
    ],
    [
      "a key that isn't there",
      () => ["--tls-cert", folder.certPath, "--tls-key", "/nowhere.pem"],
      "/nowhere.pem",
    ],
    [
      "a key in place of the certificate",
      () => ["--tls-cert", folder.keyPath, "--tls-key", folder.keyPath],
      "certificates",
    ],
    [
      "a certificate in place of the key",
      () => ["--tls-cert", folder.certPath, "--tls-key", folder.certPath],
      "private key",
    ],
    [
      "another certificate's key",
      () => ["--tls-cert", folder.certPath, "--tls-key", `${folder.path}/other.pem`],
      "doesn't go with",
    ],
  ] as const)("%s is one line and exit code 1, and S3 isn't asked", async (_name, tls, part) => {
    folder.replace(`${folder.path}/other.pem`, makeCertificate("other.test").key);
    s3.reset();
    const { exitCode, stdout, stderr } = await runProxy(flags("--console", "--threads", threads, ...tls()));
    expect(stderr).toMatch(/^s3proxy: [^\n]+\n$/);
    expect(stderr).toContain(part);
    expect(exitCode).toBe(1);
    expect(stdout).not.toContain("Listening");
    expect(s3.requests).toHaveLength(0);
  });

  test("a port that another program has is one line and exit code 1", async () => {
    const other = await startProxy({ s3, args: folder.flags });
    const taken = ["--port", String(other.port), "--threads", threads, ...folder.flags];
    const { exitCode, stderr } = await runProxy(flags(...taken));
    expect(stderr).toMatch(new RegExp(`^s3proxy: Port ${other.port} [^\\n]*--port\\n$`));
    expect(exitCode).toBe(1);
    await other.stop();
  });
});

test.each([
  ["--tls-cert", () => ["--tls-cert", folder.certPath]],
  ["--tls-key", () => ["--tls-key", folder.keyPath]],
  ["--http3", () => ["--http3"]],
  ["--tls-redirect-port", () => ["--tls-redirect-port", "0"]],
] as const)("%s alone is one line and exit code 2", async (flag, args) => {
  const { exitCode, stderr } = await runProxy(flags(...args()));
  expect(stderr).toMatch(new RegExp(`^s3proxy: ${flag} \\(or [^\\n]+\\n$`));
  expect(exitCode).toBe(2);
});

test("a redirect port that another program has is one line that names the flag, and exit code 1", async () => {
  const occupant = createServer();
  await new Promise<void>((resolve) => occupant.listen({ host: "::", port: 0 }, resolve));
  const { port } = occupant.address() as { port: number };
  const { exitCode, stderr } = await runProxy(flags(...folder.flags, "--tls-redirect-port", String(port)));
  expect(stderr).toMatch(new RegExp(`^s3proxy: Port ${port} [^\\n]*--tls-redirect-port\\n$`));
  expect(exitCode).toBe(1);
  occupant.close();
});
