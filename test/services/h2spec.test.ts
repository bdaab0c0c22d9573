import { expect, test } from "bun:test";
import { casesOf } from "./h2spec.ts";

/** A report of one case that ended so. */
const reportOf = (inside: string) => `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="7. Error Codes" package="http2/7" id="7" tests="1">
    <testcase package="http2/7" classname="Sends a &#34;GOAWAY&#34; frame" time="0.0033">${inside}</testcase>
  </testsuite>
</testsuites>`;
const PING = "PING Frame (length:8, flags:0x01, stream_id:0, opaque_data:h2spec)";
const RESET = "Error: read tcp 127.0.0.1:2->127.0.0.1:1: read: connection reset by peer";

test.each([
  ["nothing is said of it", "", true],
  [
    "the connection was to be closed and was reset",
    `\n<error>Connection closed\n${PING}\n${RESET}</error>\n`,
    true,
  ],
  ["the connection was reset and wasn't to be closed", `\n<error>${PING}\n${RESET}</error>\n`, false],
  ["the connection was to be closed and wasn't", "\n<error>Connection closed\nTimeout</error>\n", false],
])("a case where %s", (_, inside, hasPassed) => {
  expect(casesOf(reportOf(inside))).toEqual([{ name: 'http2/7 Sends a "GOAWAY" frame', hasPassed }]);
});
