/** A load of our own: connections that ask, wait for the whole answer and ask again, each for what it likes. */

import { BODY_BYTES, type Kind } from "./revalidation-kinds.ts";

/** What a run found. */
export interface LoopResult {
  readonly answers: number;
  readonly seconds: number;
  /** How long each answer took, in milliseconds. */
  readonly tookMs: readonly number[];
}

/** Of so many answers one has its `Cache-Status` looked at. */
const LOOKED_AT = 16;

/** Runs so many connections for a while. Rejects at the first wrong answer. */
export async function runLoop(
  port: number,
  kind: Kind,
  connections: number,
  seconds: number,
): Promise<LoopResult> {
  const tookMs: number[] = [];
  const startedMs = performance.now();
  const untilMs = startedMs + seconds * 1000;
  await Promise.all(
    Array.from({ length: connections }, (_, number) => runConnection(port, kind, number, untilMs, tookMs)),
  );
  return { answers: tookMs.length, seconds: (performance.now() - startedMs) / 1000, tookMs };
}

async function runConnection(
  port: number,
  kind: Kind,
  number: number,
  untilMs: number,
  tookMs: number[],
): Promise<void> {
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  let askedMs = 0;
  let answers = 0;
  let received: Buffer = Buffer.alloc(0);
  const ask = (write: (text: string) => void) => {
    askedMs = performance.now();
    write(`GET ${kind.pathOf(number)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  };
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(it, chunk) {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
        const headEnd = received.indexOf("\r\n\r\n");
        if (headEnd < 0 || received.length < headEnd + 4 + BODY_BYTES) return;
        const nowMs = performance.now();
        tookMs.push(nowMs - askedMs);
        if (++answers % LOOKED_AT === 1) {
          const wrong = complaintAbout(received.toString("latin1", 0, headEnd + 2), kind);
          if (wrong !== undefined) reject(new Error(wrong));
        }
        received = Buffer.alloc(0);
        if (nowMs < untilMs) ask((text) => it.write(text));
        else {
          resolve();
          it.end();
        }
      },
      error: (_, error) => reject(error),
      close: () => reject(new Error(`${kind.title}: closed`)),
    },
  });
  ask((text) => socket.write(text));
  await done;
}

/** What is wrong with an answer's head; undefined where nothing is. */
function complaintAbout(head: string, { title, status }: Kind): string | undefined {
  const cacheStatus = /^cache-status: (.*)\r$/im.exec(head)?.[1] ?? "";
  const hasLength = new RegExp(`^content-length: ${BODY_BYTES}\\r$`, "im").test(head);
  if (head.startsWith("HTTP/1.1 200") && hasLength && status.test(cacheStatus)) return undefined;
  return `${title}: want 200, ${BODY_BYTES} bytes and ${status}, got\n${head}`;
}
