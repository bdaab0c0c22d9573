import { describe, expect, test } from "bun:test";
import { bodyOf, failureOf, readWhole } from "./body.ts";
import { type Deadline, startDeadline } from "./deadline.ts";
import { OriginError } from "./origin.ts";

const text = new TextEncoder();

function streaming(...chunks: (string | Error)[]): Response {
  const left = [...chunks];
  const source = {
    pull(controller: ReadableStreamDefaultController<Uint8Array>) {
      const next = left.shift();
      if (next === undefined) controller.close();
      else if (next instanceof Error) controller.error(next);
      else controller.enqueue(text.encode(next));
    },
  };
  return new Response(new ReadableStream(source, { highWaterMark: 0 }));
}

function deadline(): Deadline {
  const started = startDeadline(60_000);
  started.pause();
  return started;
}

async function failureFrom(promise: Promise<unknown>) {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof OriginError)) throw new Error(`Not an OriginError but ${String(error)}`);
  return error.failure;
}

describe("bodyOf", () => {
  test.each([{ expected: 6 }, { expected: undefined }])(
    "gives the bytes in their order and then the end, where $expected were announced",
    async ({ expected }) => {
      const body = bodyOf(streaming("abc", "def"), deadline(), expected);
      expect((await readWhole(body, 100)).toString()).toBe("abcdef");
    },
  );
  test("asks for nothing more once all that was announced has come", async () => {
    const body = bodyOf(streaming("abc", "def", new Error("Reset")), deadline(), 6);
    expect((await readWhole(body, 100)).toString()).toBe("abcdef");
  });
  test("gives the end at once where there is no body", async () => {
    expect(await bodyOf(new Response(null), deadline(), 0).read()).toBeUndefined();
  });
  test.each([
    { title: "shorter", expected: 7 },
    { title: "longer", expected: 5 },
    { title: "missing", expected: 1 },
  ])("takes a body that is $title than announced for cut", async ({ title, expected }) => {
    const response = title === "missing" ? new Response(null) : streaming("abc", "def");
    const failure = await failureFrom(readWhole(bodyOf(response, deadline(), expected), 100));
    expect(failure.code).toBe("origin-cut");
    expect(failure.reason).toInclude(`${expected} bytes`);
  });
  test("takes a connection that breaks for cut", async () => {
    const body = bodyOf(streaming("abc", new Error("Reset")), deadline(), undefined);
    expect(await failureFrom(readWhole(body, 100))).toEqual({ code: "origin-cut", reason: "Reset" });
  });
  test("takes a deadline that passes for what it is", async () => {
    const passed: Deadline = { ...deadline(), hasPassed: true };
    const body = bodyOf(streaming(new Error("Aborted")), passed, undefined);
    expect((await failureFrom(body.read())).code).toBe("origin-timeout");
  });
  test("lets the clock run only while it waits for bytes", async () => {
    const steps: string[] = [];
    const watched: Deadline = {
      ...deadline(),
      resume: () => steps.push("resume"),
      pause: () => steps.push("pause"),
      abort: () => steps.push("abort"),
    };
    const body = bodyOf(streaming("abc", new Error("Reset")), watched, undefined);
    await body.read();
    await failureFrom(body.read());
    body.cancel();
    expect(steps).toEqual(["resume", "pause", "resume", "pause", "abort"]);
  });
});

test("readWhole ends the transfer of a body that is too large", async () => {
  const started = deadline();
  const whole = await readWhole(bodyOf(streaming("abc", "def", "ghi"), started, undefined), 4);
  expect(whole.toString()).toBe("abcdef");
  expect(started.signal.aborted).toBe(true);
});

test("failureOf takes any other exception for an origin that can't be reached", () => {
  expect(failureOf(new Error("Refused"), deadline())).toEqual({
    code: "origin-unreachable",
    reason: "Refused",
  });
});
