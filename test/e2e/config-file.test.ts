/** `--config`: options from a file. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask } from "../support/client.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { bucketFlags, runProxy, startProxy } from "../support/proxy.ts";

const folder = mkdtempSync(join(tmpdir(), "s3proxy-config-"));
let s3: MemoryS3;

beforeAll(async () => {
  s3 = await startMemoryS3();
  s3.put("index.html", "home");
});
afterAll(async () => {
  await s3?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function fileOf(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode });
  return path;
}

test("YAML with numbers, booleans and lists decides how the site is served", async () => {
  const path = fileOf(
    "s3proxy.yaml",
    "ttl: 77\nreject-query-strings: true\nallowed-origins:\n  - https://app.example\n",
  );
  const proxy = await startProxy({ s3, args: ["--config", path], threads: 2 });
  const answer = await ask(proxy.port, { path: "/", headers: { Origin: "https://app.example" } });
  expect(answer.headers).toMatchObject({
    "cache-control": "max-age=77",
    "access-control-allow-origin": "https://app.example",
  });
  expect((await ask(proxy.port, { path: "/?x" })).status).toBe(400);
  expect(proxy.stdout()).not.toContain("has secrets");
  await proxy.stop();
});

test.each(["flag", "environment"])(
  "what a file can't mean is one line and exit code 2, named by %s",
  async (way) => {
    const path = fileOf("wrong.toml", "ttl = 1\nprot = 80\n");
    const ended =
      way === "flag"
        ? await runProxy([...bucketFlags(s3), "--config", path])
        : await runProxy(bucketFlags(s3), { CONFIG_FILE: path });
    expect(ended).toEqual({
      exitCode: 2,
      stdout: "",
      stderr: `s3proxy: --config: line 2 of "${path}": Unknown option "prot", did you mean "port"?\n`,
    });
  },
);

test("a file with secrets that others may read is a warning with their names, and never the secrets", async () => {
  const path = fileOf(
    "open.toml",
    'auth-key = "in-the-file"\nmongo-uri = "mongodb://u:in-the-file@h"\n',
    0o644,
  );
  const proxy = await startProxy({ s3, args: ["--config", path] });
  const warning = await proxy.line(/ warn .*has secrets/);
  expect(warning).toContain(`file=${path} options="auth-key, mongo-uri"`);
  expect((await proxy.stop()).stdout).not.toContain("in-the-file");
});
