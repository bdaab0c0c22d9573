/** The other peer: Varnish, which keeps everything in memory. As it comes, but for what is named here. */

import { FEW_BYTES, FEW_FOLDER } from "./scenarios.ts";

/** Where Varnish listens, and where its origin does. */
export interface VarnishSetup {
  readonly port: number;
  readonly originPort: number;
  /** Holds every file Varnish writes. */
  readonly directory: string;
}

/** Room for everything but the mix of more objects than there is room for. */
const STORAGE = "512m";

/** The program with its arguments. */
export function varnishCommand({ port, directory }: VarnishSetup): string[] {
  const parameters = [
    // HTTP/2 is an experiment of Varnish and off otherwise.
    "feature=+http2",
    // Otherwise it asks the origin for gzip only.
    "http_gzip_support=off",
  ];
  return [
    "varnishd",
    "-F",
    // As whoever started the benchmark, in a directory of its own.
    ...["-j", "none", "-n", `${directory}/work`],
    ...["-a", `127.0.0.1:${port}`, "-T", "none", "-f", `${directory}/default.vcl`],
    ...["-s", `objects=malloc,${STORAGE}`, "-s", `few=malloc,${FEW_BYTES}`],
    ...parameters.flatMap((parameter) => ["-p", parameter]),
  ];
}

/** What it does with a request. */
export function varnishVcl({ originPort }: VarnishSetup): string {
  return `vcl 4.1;
backend origin { .host = "127.0.0.1"; .port = "${originPort}"; }
sub vcl_recv {
  set req.url = "/bucket" + req.url;
  return (hash);
}
sub vcl_backend_response {
  set beresp.ttl = 1h;
  set beresp.storage = storage.objects;
  if (bereq.url ~ "^/bucket/${FEW_FOLDER}/") { set beresp.storage = storage.few; }
}
`;
}
