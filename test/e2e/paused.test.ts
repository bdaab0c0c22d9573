/** A client that doesn't read costs no memory, and keeps neither the fill nor the other clients waiting. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { PROTOCOLS } from "../support/client.ts";
import { patternBody } from "../support/made-body.ts";
import { memoryBytesOf } from "../support/process-facts.ts";
import { framesIn, until } from "../support/site.ts";
import { askStreamed } from "../support/streamed-answer.ts";
import { type Serving, startServing } from "./serving.ts";
import { allHave, endsOf, THREADS, untilAtMost } from "./streaming-site.ts";

setDefaultTimeout(60_000);

const BODY = patternBody(200_000_000, 1);
/** As large, so that what a transfer of that size needs for a moment is there before it is measured. */
const WARM_UP = patternBody(200_000_000, 2);
/** What one paused client, and here even ten, may cost. */
const MOST_GROWTH_BYTES = 16_000_000;

describe.each([...THREADS])("with %d thread(s)", (threads) => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing({ threads });
    it.s3.put("warm-up", WARM_UP);
    for (const protocol of PROTOCOLS) {
      const answer = askStreamed(it.port, { protocol, path: "/warm-up", body: WARM_UP });
      expect(await endsOf([answer], WARM_UP)).toEqual({ "200 whole": 1 });
    }
  });
  afterAll(() => it?.stop());

  test.each([...PROTOCOLS])(
    "ten clients over %s that pause in an object of 200 MB: less than 16 MB, stored meanwhile, and right when they go on",
    async (protocol) => {
      const [key, stored] = [`paused-${protocol.at(-1)}`, framesIn(it.proxy.cacheDir).length];
      const ask = () => askStreamed(it.port, { protocol, path: `/${key}`, body: BODY });
      it.s3.put(key, BODY);
      const before = memoryBytesOf(it.proxy.pid);
      const paused = Array.from({ length: 10 }, ask);
      for (const each of paused) void each.has(1).then(each.pause);
      await allHave(paused, 1);
      await it.s3.ended(key, 1);
      await until(() => framesIn(it.proxy.cacheDir).length === stored + 1);
      // Garbage of the transfer goes by itself; what is held for those who pause would stay.
      await untilAtMost(MOST_GROWTH_BYTES, () => memoryBytesOf(it.proxy.pid) - before);
      // They have been sent next to nothing of it.
      for (const { bytes } of paused) expect(bytes).toBeLessThan(BODY.length / 4);
      expect(await endsOf([ask()], BODY)).toEqual({ "200 whole": 1 });
      for (const each of paused.slice(1)) each.leave();
      paused[0]?.resume();
      expect(await endsOf(paused.slice(0, 1), BODY)).toEqual({ "200 whole": 1 });
      expect(it.s3.requests.filter((each) => each.key === key).map(({ outcome }) => outcome)).toEqual([
        "answered",
      ]);
    },
  );
});
