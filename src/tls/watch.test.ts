import { beforeEach, describe, expect, test } from "bun:test";
import { makeCertificate } from "../../test/support/certificate.ts";
import { createLog } from "../log/log.ts";
import { type Certificate, CertificateError } from "./certificate.ts";
import { CertificateWatch } from "./watch.ts";

function certificateOf(name: string): Certificate {
  const { cert, key } = makeCertificate(name);
  return { chain: cert, privateKey: key };
}

const one = certificateOf("one.test");
const two = certificateOf("two.test");

describe("CertificateWatch", () => {
  let lines: string[];
  let renewed: Certificate[];
  let found: Certificate | string;
  let watch: CertificateWatch;
  const read = async () => {
    if (typeof found === "string") throw new CertificateError(found);
    return found;
  };
  /** Looks once, with this to be found; returns the lines that are logged. */
  const look = async (next: Certificate | string) => {
    found = next;
    lines.length = 0;
    await watch.look((certificate) => renewed.push(certificate));
    return lines.map((line) => line.slice(25));
  };
  beforeEach(async () => {
    lines = [];
    renewed = [];
    found = one;
    watch = await CertificateWatch.open(
      read,
      createLog("info", (line) => lines.push(line), Date.now),
    );
  });

  test("can't be opened with what can't be used", async () => {
    found = "it is broken";
    await expect(
      CertificateWatch.open(
        read,
        createLog("info", () => {}, Date.now),
      ),
    ).rejects.toThrow("it is broken");
  });

  test("says nothing while nothing changes", async () => {
    expect(await look(one)).toEqual([]);
    expect(await look({ ...one })).toEqual([]);
    expect(renewed).toEqual([]);
  });

  test("hands out a new one, and the one before when that comes back", async () => {
    expect(await look(two)).toEqual([
      expect.stringMatching(/^info {5}Certificate renewed subject=.*two\.test/),
    ]);
    expect(watch.current).toBe(two);
    expect(await look(one)).toHaveLength(1);
    expect(renewed).toEqual([two, one]);
  });

  test("a new key alone is new", async () => {
    const other = { ...one, privateKey: two.privateKey };
    await look(other);
    expect(renewed).toEqual([other]);
  });

  test("says nothing of what is wrong only while a renewal is written", async () => {
    expect(await look("the key doesn't go with it")).toEqual([]);
    await look(two);
    expect(renewed).toEqual([two]);
  });

  test("what stays wrong is said once, and the next good one is taken", async () => {
    await look("it is broken");
    expect(await look("it is broken")).toEqual([
      'warn     The new certificate can\'t be used, the one before stays reason="it is broken"',
    ]);
    for (let looks = 0; looks < 5; looks++) expect(await look("it is broken")).toEqual([]);
    expect(renewed).toEqual([]);
    expect(watch.current).toBe(one);
    expect(await look(two)).toHaveLength(1);
    expect(renewed).toEqual([two]);
  });

  test("what goes wrong again after that is said again", async () => {
    for (const next of ["it is broken", "it is broken", one, "it is broken"]) await look(next);
    expect(await look("it is broken")).toHaveLength(1);
  });
});
