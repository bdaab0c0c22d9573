/**
 * The peer: nginx with `proxy_cache`, one worker, set up as fast as it goes. With `open_file_cache` a small body is a
 * third faster read than sent by `sendfile`, a large one a little slower; `tcp_nopush` stalls large ones for 40 ms.
 */

import { LARGE_PATH } from "./scenarios.ts";

/** Where nginx listens and what it caches. */
export interface NginxSetup {
  readonly http1Port: number;
  readonly h2cPort: number;
  readonly originPort: number;
  /** Holds the cache and every file nginx writes. */
  readonly directory: string;
  /** As `nginx -v` prints it. */
  readonly version: string;
}

/** The configuration file. */
export function nginxConfig({ http1Port, h2cPort, originPort, directory, version }: NginxSetup): string {
  const temporaryPaths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `  ${name}_temp_path ${directory}/${name};`,
  );
  return `daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr error;
events { worker_connections 1024; }
http {
  access_log off;
  tcp_nodelay on;
  keepalive_timeout 65s;
  keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=1h;
  open_file_cache_valid 1h;
  proxy_cache_path ${directory}/cache keys_zone=objects:10m max_size=1g inactive=1h use_temp_path=off;
${temporaryPaths.join("\n")}
  server {
    listen 127.0.0.1:${http1Port};
    ${http2Listen(version, h2cPort)}
    proxy_cache objects;
    proxy_cache_valid 200 1h;
    proxy_cache_lock on;
    location / {
      sendfile off;
      proxy_pass http://127.0.0.1:${originPort}/bucket/;
    }
    location = ${LARGE_PATH} {
      sendfile on;
      proxy_pass http://127.0.0.1:${originPort}/bucket${LARGE_PATH};
    }
  }
}
`;
}

/** The directives that make nginx speak cleartext HTTP/2 on `port`: the parameter of `listen` is deprecated since 1.25.1. */
export function http2Listen(version: string, port: number): string {
  const [major = 0, minor = 0, patch = 0] = /(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? [];
  const hasDirective = major > 1 || (major === 1 && (minor > 25 || (minor === 25 && patch >= 1)));
  return hasDirective ? `listen 127.0.0.1:${port}; http2 on;` : `listen 127.0.0.1:${port} http2;`;
}
