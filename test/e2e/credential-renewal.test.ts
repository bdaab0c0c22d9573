import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { ask } from "../support/client.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
const CLOCK = join(import.meta.dir, "../support/clock-preload.ts");
const MINUTE_MS = 60_000;

/** A container's credentials endpoint: each answer has a key of its own, valid as long as the test says. */
interface ContainerEndpoint {
  readonly url: string;
  /** How many times it was asked. */
  asked: number;
  validMs: number;
  /** True to answer 500 from now on. */
  isBroken: boolean;
  /** Resolves when it has been asked so many times. */
  reached(count: number): Promise<void>;
  stop(): void;
}

function startContainerEndpoint(): ContainerEndpoint {
  const waiting: { count: number; resolve: () => void }[] = [];
  const endpoint: ContainerEndpoint = {
    url: "",
    asked: 0,
    validMs: 0,
    isBroken: false,
    reached(count) {
      if (endpoint.asked >= count) return Promise.resolve();
      return new Promise((resolve) => waiting.push({ count, resolve }));
    },
    stop: () => void server.stop(true),
  };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      if (new URL(request.url).pathname !== "/credentials") return new Response(null, { status: 404 });
      if (request.headers.get("authorization") !== "container-token")
        return new Response(null, { status: 401 });
      const turn = ++endpoint.asked;
      for (const { count, resolve } of waiting) if (count <= turn) resolve();
      if (endpoint.isBroken) return new Response(null, { status: 500 });
      return Response.json({
        AccessKeyId: `AKIACONTAINER${turn}`,
        SecretAccessKey: `secret-${turn}`,
        Token: `token-${turn}`,
        Expiration: new Date(Date.now() + endpoint.validMs).toISOString(),
      });
    },
  });
  return Object.assign(endpoint, { url: `http://127.0.0.1:${server.port}/credentials` });
}

let s3: MemoryS3;
let container: ContainerEndpoint;
let proxy: RunningProxy;

beforeAll(async () => {
  s3 = await startMemoryS3();
});
beforeEach(() => {
  container = startContainerEndpoint();
});
afterEach(async () => {
  await proxy?.stop();
  container.stop();
  s3.reset();
});
afterAll(async () => {
  await s3?.stop();
});

/** Starts with the container's credentials; S3 takes any of them. SIGUSR2 puts the program's clock forward. */
async function start(validMs: number, clockStepMs: number): Promise<void> {
  container.validMs = validMs;
  s3.answer("*", 200, {}, "body");
  const { bucket, region, endpoint } = s3;
  proxy = await startProxy({
    args: ["--bucket", bucket, "--region", region, "--endpoint", endpoint, "--ttl", "0"],
    environment: {
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: "container-token",
      CLOCK_STEP_MS: String(clockStepMs),
    },
    command: [process.execPath, "--preload", CLOCK, MAIN],
  });
}

async function putClockForward(): Promise<void> {
  proxy.signal("SIGUSR2");
  await proxy.line(/^Clock is /);
}

/** Asks for a key and says which of the container's credentials S3 saw last. */
async function turnUsedFor(key: string): Promise<number> {
  expect((await ask(proxy.port, { path: `/${key}` })).status).toBe(200);
  const { headers } = s3.requests.findLast((request) => request.key === key)!;
  const turn = Number(/^token-(\d+)$/.exec(headers["x-amz-security-token"] ?? "")?.[1]);
  expect(headers.authorization).toContain(`Credential=AKIACONTAINER${turn}/`);
  return turn;
}

describe("a container's credentials", () => {
  test("are asked for once and used until shortly before they expire", async () => {
    await start(60 * MINUTE_MS, 54 * MINUTE_MS);
    expect([await turnUsedFor("a"), await turnUsedFor("b")]).toEqual([1, 1]);
    await putClockForward();
    expect(await turnUsedFor("c")).toBe(1);
    expect(container.asked).toBe(1);
  });

  test("are renewed before they expire, behind a request that doesn't wait for it", async () => {
    await start(60 * MINUTE_MS, 56 * MINUTE_MS);
    await putClockForward();
    container.validMs = 3 * 60 * MINUTE_MS;
    expect(await turnUsedFor("a")).toBe(1);
    await container.reached(2);
    // The renewed ones have come when the next requests carry them.
    while ((await turnUsedFor("b")) === 1);
    expect(container.asked).toBe(2);
  });

  test("are used to their end where the renewal fails", async () => {
    await start(60 * MINUTE_MS, 56 * MINUTE_MS);
    await putClockForward();
    container.isBroken = true;
    expect(await turnUsedFor("a")).toBe(1);
    await container.reached(2);
    expect(await turnUsedFor("b")).toBe(1);
  });

  test("that have expired are renewed before the request is sent", async () => {
    await start(60 * MINUTE_MS, 61 * MINUTE_MS);
    container.validMs = 3 * 60 * MINUTE_MS;
    await putClockForward();
    expect(await turnUsedFor("a")).toBe(2);
  });

  test("that S3 calls expired are renewed, and the request is sent again", async () => {
    await start(60 * MINUTE_MS, MINUTE_MS);
    await putClockForward();
    s3.answer("a", 400, {}, "<Error><Code>ExpiredToken</Code><Message>Expired</Message></Error>", 1);
    expect(await turnUsedFor("a")).toBe(2);
    expect(s3.countOf("a")).toBe(2);
  });
});
