/** HTTP/2 as RFC 7540 wants it, by h2spec's cases. A new version of Bun may make one fail, or one of the list pass. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { startServing } from "../e2e/serving.ts";
import { type CertificateFolder, certificateFolder } from "../support/certificate-folder.ts";
import { ask } from "../support/client.ts";
import { askTls } from "../support/tls-client.ts";
import { runH2spec } from "./h2spec.ts";

setDefaultTimeout(180_000);

/** More cases than these would be others than those that were judged. */
const CASES = 147;
/** More than a stream's window has, so that an answer is still under way when a case goes on with its stream. */
const BODY = "x".repeat(300_000);

const ANSWERED_ALREADY =
  "a GET is answered when its head has come (RFC 9113 section 8.1 allows it), and the case fails in what comes behind it";

/**
 * What doesn't pass, with the reason. A case that has begun to pass must leave the list. That Bun doesn't look at what trailers hold is said in the
 * review of its HTTP/2 server (oven-sh/bun#40137); an issue of its own there isn't known.
 */
const DEVIATIONS: Readonly<Record<string, string>> = {
  "http2/3.5 Sends invalid connection preface":
    "the port is HTTP/1.1's too: what isn't HTTP/2's preface is answered 400 as HTTP/1.1, and then closed, which the case can't read",
  "http2/8.1 Sends a second HEADERS frame without the END_STREAM flag": ANSWERED_ALREADY,
  "http2/8.1.2.1 Sends a HEADERS frame that contains a pseudo-header field as trailers": ANSWERED_ALREADY,
  'http2/8.1.2.6 Sends a HEADERS frame with the "content-length" header field which does not equal the DATA frame payload length':
    ANSWERED_ALREADY,
  'http2/8.1.2.6 Sends a HEADERS frame with the "content-length" header field which does not equal the sum of the multiple DATA frames payload length':
    ANSWERED_ALREADY,
};

/** Over TLS what isn't HTTP/2's preface can't be HTTP/1.1 either: the client has agreed on HTTP/2. */
const TLS_DEVIATIONS = Object.keys(DEVIATIONS).filter((name) => !name.startsWith("http2/3.5 "));

let certificate: CertificateFolder;
beforeAll(() => {
  certificate = certificateFolder("h2spec.test");
});
afterAll(() => certificate?.remove());

test.each([
  { transport: "cleartext", isTls: false, deviations: Object.keys(DEVIATIONS) },
  { transport: "TLS", isTls: true, deviations: TLS_DEVIATIONS },
])(
  "over $transport every case passes but those that are listed, and none of these does",
  async ({ isTls, deviations }) => {
    const it = await startServing({ args: isTls ? certificate.flags : [] });
    try {
      it.s3.put("index.html", BODY);
      if (isTls) await askTls(it.port, { path: "/" });
      else await ask(it.port, { path: "/" });
      const cases = await runH2spec({ host: "127.0.0.1", port: it.port, isTls });
      const failed = cases.filter(({ hasPassed }) => !hasPassed).map(({ name }) => name);
      expect(failed.sort()).toEqual(deviations.toSorted());
      expect(cases.length).toBe(CASES);
      expect(it.proxy.stderr()).toBe("");
    } finally {
      await it.stop();
    }
  },
);
