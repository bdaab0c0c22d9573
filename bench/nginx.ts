/**
 * The peer: nginx with `proxy_cache`, one worker, set up as fast as it goes. With `open_file_cache` a small body is a
 * third faster read than sent by `sendfile`, a large one a little slower; `tcp_nopush` stalls large ones for 40 ms.
 */

import { FEW_BYTES, FEW_FOLDER, LARGE_PATHS } from "./scenarios.ts";

/** Where nginx listens and what it caches. */
export interface NginxSetup {
  readonly http1Port: number;
  readonly h2cPort: number;
  readonly tlsPort: number;
  /** HTTP/1.1 without a cache. */
  readonly uncachedPort: number;
  readonly originPort: number;
  /** Holds the cache and every file nginx writes. */
  readonly directory: string;
  /** PEM files. */
  readonly certificate: { readonly certFile: string; readonly keyFile: string };
  /** As `nginx -v` prints it. */
  readonly version: string;
}

/** The configuration file. */
export function nginxConfig(setup: NginxSetup): string {
  const { http1Port, h2cPort, tlsPort, uncachedPort, originPort, directory, certificate, version } = setup;
  const temporaryPaths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `  ${name}_temp_path ${directory}/${name};`,
  );
  const largeLocations = LARGE_PATHS.map(
    (path) => `    location = ${path} {
      sendfile on;
      proxy_pass http://origin/bucket${path};
    }`,
  );
  return `daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid ${directory}/nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  tcp_nodelay on;
  keepalive_timeout 65s;
  keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=1h;
  open_file_cache_valid 1h;
  proxy_cache_path ${directory}/cache keys_zone=objects:10m max_size=1g inactive=1h use_temp_path=off;
  proxy_cache_path ${directory}/few keys_zone=few:10m max_size=${FEW_BYTES} inactive=1h use_temp_path=off;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
${temporaryPaths.join("\n")}
  upstream origin {
    server 127.0.0.1:${originPort};
    keepalive 64;
  }
  server {
    listen 127.0.0.1:${http1Port};
    ${http2Listen(version, h2cPort)}
    ${http2Listen(version, tlsPort, " ssl")}
    ssl_certificate ${certificate.certFile};
    ssl_certificate_key ${certificate.keyFile};
    proxy_cache objects;
    proxy_cache_valid 200 1h;
    proxy_cache_lock on;
    location / {
      sendfile off;
      proxy_pass http://origin/bucket/;
    }
    location /${FEW_FOLDER}/ {
      proxy_cache few;
      proxy_pass http://origin/bucket/${FEW_FOLDER}/;
    }
${largeLocations.join("\n")}
  }
  server {
    listen 127.0.0.1:${uncachedPort};
    location / {
      proxy_pass http://origin/bucket/;
    }
  }
}
`;
}

/** The directives that make nginx speak HTTP/2 on `port`: the parameter of `listen` is deprecated since 1.25.1. */
export function http2Listen(version: string, port: number, parameters = ""): string {
  const [major = 0, minor = 0, patch = 0] = /(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? [];
  const hasDirective = major > 1 || (major === 1 && (minor > 25 || (minor === 25 && patch >= 1)));
  const listen = `listen 127.0.0.1:${port}${parameters}`;
  return hasDirective ? `${listen}; http2 on;` : `${listen} http2;`;
}
