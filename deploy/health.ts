/**
 * The image's health check: ends with 0 where the s3proxy of this container answers, else with 1. It finds it by the
 * environment alone; a port that is given as a flag it can't know.
 */

const { HOST = "localhost", PORT = "8000", TLS_CERT = "", ADMIN_PORT = "" } = process.env;
// With a port of its own for `/_proxy/` there is nothing of it at the other, and that one is always in the clear.
const isSeparate = ADMIN_PORT !== "";
const port = isSeparate ? ADMIN_PORT : PORT;
const scheme = TLS_CERT === "" || isSeparate ? "http" : "https";
const host = HOST.includes(":") ? `[${HOST}]` : HOST;

try {
  const answer = await fetch(`${scheme}://${host}:${port}/_proxy/health`, {
    // The certificate is for the name the visitors use.
    tls: { rejectUnauthorized: false },
  });
  if (!answer.ok) fail(`/_proxy/health is answered ${answer.status}`);
} catch (error) {
  fail(`/_proxy/health is not answered: ${(error as Error).message}`);
}

function fail(reason: string): never {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}
