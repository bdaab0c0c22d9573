/** Envoy's configuration, decoded into Envoy's own messages, for Envoy itself isn't to be had. Run by `npm run test:services`. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { parseOptions } from "../../src/config/parse.ts";
import { buildGoProgram } from "./go-program.ts";

/** The messages are built the first time, in milliseconds. */
const BUILD_MS = 600_000;

const config = Bun.YAML.parse(await Bun.file(join(import.meta.dir, "../../deploy/envoy.yaml")).text()) as {
  static_resources: {
    listeners: { name: string; address: { socket_address: object } }[];
    clusters: object[];
  };
};
const { listeners, clusters } = config.static_resources;

test(
  "every field is one of Envoy's, with a value that it takes",
  async () => {
    const decoder = await buildGoProgram("envoy-decoder", join(import.meta.dir, "envoy"));
    const child = Bun.spawn([decoder], { stdin: new Blob([JSON.stringify(config)]), stderr: "pipe" });
    expect(await new Response(child.stderr).text()).toBe("");
    expect(await child.exited).toBe(0);
  },
  BUILD_MS,
);

test("HTTP/3 is where Alt-Svc says, beside HTTPS", () => {
  const addresses = Object.fromEntries(listeners.map(({ name, address }) => [name, address.socket_address]));
  expect(addresses.https).toMatchObject({ port_value: 443 });
  expect(addresses.http3).toMatchObject({ port_value: 443, protocol: "UDP" });
  expect(JSON.stringify(listeners)).toContain('h3=\\":443\\"');
});

test("who connects is who X-Forwarded-For says, over every protocol", () => {
  for (const name of ["https", "http3"]) {
    const listener = JSON.stringify(listeners.find((each) => each.name === name));
    expect(listener).toContain('"use_remote_address":true');
    expect(listener).toContain('"cluster":"s3proxy"');
    expect(listener).toContain('{"match":{"prefix":"/_proxy/"},"direct_response":{"status":404}}');
  }
});

test("what it asks is where s3proxy listens", () => {
  const { port } = parseOptions([], { S3_BUCKET: "my-site" });
  expect(JSON.stringify(clusters)).toContain(`{"address":"127.0.0.1","port_value":${port}}`);
});
