import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync } from "node:fs";
import { makeCertificate } from "../../test/support/certificate.ts";
import { type CertificateFolder, certificateFolder } from "../../test/support/certificate-folder.ts";
import { CertificateError, describeCertificate, readCertificate } from "./certificate.ts";

let folder: CertificateFolder;
beforeAll(() => {
  folder = certificateFolder("one.test");
});
afterAll(() => folder?.remove());

const issuer = makeCertificate("issuer.test").cert;
const encrypted = generateKeyPairSync("ec", {
  namedCurve: "P-256",
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" },
}).privateKey;

/** What is said of these two texts. */
async function problemOf(cert: string, key: string): Promise<string> {
  folder.replace(folder.certPath, cert);
  folder.replace(folder.keyPath, key);
  return readCertificate(folder).then(
    () => "nothing",
    (error) => {
      if (!(error instanceof CertificateError)) throw error;
      return error.message;
    },
  );
}

describe("readCertificate", () => {
  test("gives both texts, the issuers' certificates included", async () => {
    const { cert, key } = folder.certificate;
    expect(await problemOf(`${cert}${issuer}`, key)).toBe("nothing");
    expect(await readCertificate(folder)).toEqual({ chain: `${cert}${issuer}`, privateKey: key });
  });

  test.each([
    ["an empty certificate", () => ["", folder.certificate.key], "cert"],
    [
      "a certificate without its end",
      () => [folder.certificate.cert.slice(0, 300), folder.certificate.key],
      "cert",
    ],
    [
      "an issuer without its end",
      () => [`${folder.certificate.cert}${issuer.slice(0, 300)}`, folder.certificate.key],
      "cert",
    ],
    [
      "an issuer that is nonsense",
      () => [`${folder.certificate.cert}${issuer.replaceAll("M", "x")}`, folder.certificate.key],
      "cert",
    ],
    ["a key for a certificate", () => [folder.certificate.key, folder.certificate.key], "cert"],
    ["an empty key", () => [folder.certificate.cert, ""], "key"],
    ["a key without its end", () => [folder.certificate.cert, folder.certificate.key.slice(0, 100)], "key"],
    ["a key with a passphrase", () => [folder.certificate.cert, encrypted], "key"],
    ["more than a megabyte", () => [folder.certificate.cert, "x".repeat(2_000_000)], "key"],
  ] as const)("refuses %s, and names the file", async (_name, texts, file) => {
    const [cert = "", key = ""] = texts();
    const problem = await problemOf(cert, key);
    expect(problem).toContain(`"${file === "cert" ? folder.certPath : folder.keyPath}"`);
    expect(problem).not.toMatch(/BEGIN|[A-Za-z0-9+/]{50}/);
  });

  test("refuses a key that doesn't go with the certificate", async () => {
    expect(await problemOf(folder.certificate.cert, makeCertificate("x.test").key)).toContain(
      "doesn't go with",
    );
  });

  test("refuses what isn't there or isn't a file", async () => {
    const missing = { ...folder, keyPath: `${folder.path}/none.pem` };
    await expect(readCertificate(missing)).rejects.toThrow(/none\.pem" can't be read/);
    mkdirSync(`${folder.path}/directory`);
    const directory = { ...folder, certPath: `${folder.path}/directory` };
    await expect(readCertificate(directory)).rejects.toThrow(/directory" can't be read: it is not a file/);
  });
});

test("describeCertificate says for which names it is and until when", () => {
  const described = describeCertificate({ chain: folder.certificate.cert, privateKey: "" });
  expect(described.subject).toContain("DNS:one.test");
  expect(Date.parse(described.expires)).toBeGreaterThan(Date.now());
});
