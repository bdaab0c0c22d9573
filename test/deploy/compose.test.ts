/** The services to try it with: nothing here can start them, so what they say of each other is compared. */

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { completeConfig } from "../../src/config/config.ts";
import { parseOptions } from "../../src/config/parse.ts";
import { ENVIRONMENT_NAMES } from "./environment-names.ts";

const ROOT = join(import.meta.dir, "../..");

interface Service {
  readonly image: string;
  readonly build?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly read_only?: boolean;
  readonly healthcheck?: Readonly<Record<string, unknown>>;
  readonly command?: string | readonly string[];
  readonly ports?: readonly string[];
}

/** What the specification (https://compose-spec.io) calls the attributes that are used here; another name is refused by `docker compose`. */
const ATTRIBUTES = {
  file: ["services", "volumes"],
  service: [
    ...[
      "build",
      "cap_drop",
      "command",
      "depends_on",
      "entrypoint",
      "environment",
      "healthcheck",
      "image",
      "ports",
    ],
    ...["profiles", "read_only", "restart", "security_opt", "stop_grace_period", "volumes"],
  ],
  healthcheck: ["test", "interval", "timeout", "retries"],
};
/** One address at most, the host's port, the container's. */
const PORTS = /^(?:\d+\.\d+\.\d+\.\d+:)?(\d+):(\d+)$/;
const DURATION = /^(?:\d+(?:h|m|s|ms|us))+$/;
/** `$$` is a dollar; else a name in braces, with a default where the user need not give one. */
const INTERPOLATIONS = /\$(?!\$|\{[A-Z_]+:-[^}]*\})/;

const text = await Bun.file(join(ROOT, "compose.yaml")).text();
const compose = Bun.YAML.parse(text) as { services: Record<string, Service>; volumes: Record<string, null> };
const { proxy, minio, sample, questdb } = compose.services as Record<string, Service>;

test("it is written as the specification wants it", () => {
  const unknown = (names: readonly string[], known: readonly string[]) =>
    names.filter((name) => !known.includes(name));
  expect(unknown(Object.keys(compose), ATTRIBUTES.file)).toEqual([]);
  for (const [name, service] of Object.entries(compose.services)) {
    expect(name).toMatch(/^[a-z0-9_-]+$/);
    expect([name, unknown(Object.keys(service), ATTRIBUTES.service)]).toEqual([name, []]);
    for (const port of service.ports ?? []) expect(port).toMatch(PORTS);
    for (const value of Object.values(service.environment ?? {})) expect(value).toBeString();
    const { healthcheck } = service;
    if (healthcheck === undefined) continue;
    expect(unknown(Object.keys(healthcheck), ATTRIBUTES.healthcheck)).toEqual([]);
    expect([healthcheck.test]).toEqual([expect.arrayContaining(["CMD"])]);
    for (const value of [healthcheck.interval, healthcheck.timeout]) expect(value).toMatch(DURATION);
  }
  expect(text.replaceAll("$$", "").match(INTERPOLATIONS)).toBeNull();
});

test("no two services want one port of the machine", () => {
  const ports = Object.values(compose.services).flatMap((service) => service.ports ?? []);
  const onHost = ports.map((port) => PORTS.exec(port)?.[1]);
  expect(new Set(onHost).size).toBe(onHost.length);
});

test("the port that is published is the proxy's", () => {
  const { port } = completeConfig(parseOptions([], { ...proxy?.environment, AUTH_KEY: "" }));
  expect(proxy?.ports?.map((each) => PORTS.exec(each)?.[2])).toEqual([String(port)]);
  // What is given after an image's name would be flags.
  expect(proxy).not.toHaveProperty("command");
});

test("there is the proxy, and everything it can talk to", () => {
  expect(Object.keys(compose.services).sort()).toEqual(
    ["minio", "mmdb-ws", "mongodb", "proxy", "questdb", "sample"].sort(),
  );
});

test("the proxy takes its environment, and finds each service in it", () => {
  const environment = { ...proxy?.environment, AUTH_KEY: "" };
  const options = parseOptions([], environment);
  expect([options.endpoint, options.ilpHost, options.mmdbHost, options.mongoUri]).toEqual([
    "http://minio:9000",
    "questdb",
    "mmdb-ws",
    "mongodb://mongodb:27017",
  ]);
  const { MINIO_ROOT_USER, MINIO_ROOT_PASSWORD } = minio?.environment ?? {};
  expect([options.key, options.secret]).toEqual([MINIO_ROOT_USER, MINIO_ROOT_PASSWORD]);
  expect(String(sample?.command)).toContain(`mc mirror --overwrite /site minio/${options.bucket}`);
});

test("every variable of the proxy is an option's", () => {
  expect(Object.keys(proxy?.environment ?? {}).filter((name) => !ENVIRONMENT_NAMES.includes(name))).toEqual(
    [],
  );
});

test("what a service waits for and mounts is there", () => {
  for (const service of Object.values(compose.services)) {
    for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(Object.keys(compose.services)).toContain(name);
      if (condition === "service_healthy") expect(compose.services[name]?.healthcheck).toBeDefined();
    }
    for (const volume of service.volumes ?? []) {
      const [source = ""] = volume.split(":");
      if (source.startsWith("./")) expect(existsSync(join(ROOT, source))).toBe(true);
      else if (!source.startsWith("$")) expect(Object.keys(compose.volumes)).toContain(source);
    }
  }
});

test("the proxy writes nowhere but into the volume that the image has", async () => {
  const dockerfile = await Bun.file(join(ROOT, "Dockerfile")).text();
  const [, volume] = /^VOLUME (\S+)$/m.exec(dockerfile) ?? [];
  expect([proxy?.read_only, proxy?.volumes]).toEqual([true, [`cache:${volume}`]]);
});

test("QuestDB is the version that the sinks are tested with", async () => {
  const tested = await Bun.file(join(ROOT, "test/services/questdb.ts")).text();
  const [, version] = /^const VERSION = "(.+)";$/m.exec(tested) ?? [];
  expect(questdb?.image).toBe(`questdb/questdb:${version}`);
});
