/**
 * The commands that README.md and docs/deploy.md print: options, variables and files in them are there. Those of docs/operations.md are
 * run, by operations.test.ts.
 */

import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { PLATFORMS } from "../scripts/build.ts";
import { commands, readCommand } from "../src/config/commands.ts";
import { completeConfig } from "../src/config/config.ts";
import { parseOptions } from "../src/config/parse.ts";
import { ENVIRONMENT_NAMES } from "./deploy/environment-names.ts";
import { CLEAR_PATH } from "./e2e/serving.ts";

const ROOT = join(import.meta.dir, "..");

/** A command with its arguments, quotes and comments taken off. */
type Words = readonly string[];

async function commandsOf(document: string): Promise<Words[]> {
  const text = await Bun.file(join(ROOT, document)).text();
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block);
  const lines = blocks.flatMap((block) => block.trimEnd().replaceAll("\\\n", " ").split("\n"));
  return lines.map((line) =>
    [...line.replace(/\s+#.*$/, "").matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
      ([, single, double, bare]) => single ?? double ?? bare ?? "",
    ),
  );
}

const ALL = [...(await commandsOf("README.md")), ...(await commandsOf("docs/deploy.md"))];
const of = (...program: string[]) =>
  ALL.filter((words) => program.every((word, at) => words[at] === word)).map((words) =>
    words.slice(program.length),
  );

/** What follows each of these flags. */
function valuesOf(words: Words, flag: string): string[] {
  return words.flatMap((word, at) => (word === flag ? (words[at + 1] ?? "") : []));
}

/** Who runs such commands, and why nobody does. */
const RUN: Readonly<Record<string, string>> = {
  s3proxy: "test/e2e, with these options",
  npm: "start and test by everybody; demo by test/services/browser.ts, build by test/deploy/executable.test.ts; install -g needs a registry",
  curl: "test/e2e/cache-clear.test.ts",
  docker:
    "nobody: an engine and a registry are needed; test/services/image.ts builds the Dockerfile with buildah and runs what comes out",
  kubectl: "nobody: a cluster is needed",
  helm: "test/services/helm.ts, as far as the objects; a cluster is needed for more",
  install:
    "nobody: they are root's, on a machine; test/services/systemd.ts compares the unit with what the program does",
  printf: "nobody, as install",
  systemctl: "nobody, as install",
};

test("every program that is named is one of which it is known who runs it", () => {
  expect([...new Set(ALL.map(([program = ""]) => program))].sort()).toEqual(Object.keys(RUN).sort());
});

describe("the options are the program's:", () => {
  test.each(
    [...of("s3proxy"), ...of("npm", "start", "--")].map((words) => [words.join(" "), words] as const),
  )("%s", (_, words) => {
    const { command, rest } = readCommand([...words]);
    const options = parseOptions(rest, {}, command && commands[command].options);
    expect(completeConfig(options).bucket).toBe("my-site");
  });
});

test("a container is given variables that are options", () => {
  const names = of("docker", "run").flatMap((words) =>
    valuesOf(words, "-e").map((each) => each.split("=")[0] ?? ""),
  );
  expect(names.filter((name) => !ENVIRONMENT_NAMES.includes(name))).toEqual([]);
  expect(names).toContain("S3_BUCKET");
});

test.each(of("docker", "run").map((words) => [words]))(
  "a container's ports are those the program listens on: %p",
  (words) => {
    const variables = valuesOf(words, "-e").map((each) => each.split("="));
    const environment = Object.fromEntries(variables.map(([name = "", value = "given"]) => [name, value]));
    const { port, tlsRedirectPort, tlsPublicPort } = parseOptions([], environment);
    const mapped = new Map(
      valuesOf(words, "-p")
        .map((pair) => pair.split(":").map(Number))
        .map(([from, to]) => [to, from]),
    );
    expect([...mapped.keys()]).toEqual([port, tlsRedirectPort].filter((each) => each !== undefined));
    if (tlsRedirectPort !== undefined) expect(tlsPublicPort).toBe(mapped.get(port));
  },
);

test("the service's variables are options", () => {
  const names = of("printf").flatMap((words) =>
    words.filter((word) => word.includes("=")).map((each) => each.split("=")[0] ?? ""),
  );
  expect(names).toContain("S3_BUCKET");
  expect(names.filter((name) => !ENVIRONMENT_NAMES.includes(name))).toEqual([]);
});

test("what is installed is there, or made by npm run build", () => {
  const sources = of("install").map((words) => words[2] ?? "");
  const built = PLATFORMS.map((platform) => `dist/s3proxy-${platform}`);
  const missing = sources.filter(
    (path) => !built.includes(path) && !existsSync(path.startsWith("/") ? path : join(ROOT, path)),
  );
  expect(missing).toEqual([]);
  expect(sources.map((path) => basename(path))).toContain("s3proxy.service");
});

test("a clear is asked for where it is answered", () => {
  const paths = of("curl").map((words) => new URL(words.at(-1) ?? "").pathname);
  expect(paths).toEqual([CLEAR_PATH]);
});
