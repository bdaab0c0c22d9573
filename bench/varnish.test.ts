import { expect, test } from "bun:test";
import { varnishCommand, varnishVcl } from "./varnish.ts";

const setup = { port: 81, originPort: 82, directory: "/work" };

test("Varnish listens where it is told, and asks the origin", () => {
  expect(varnishCommand(setup)).toContain("127.0.0.1:81");
  expect(varnishVcl(setup)).toContain('.port = "82"');
});

test("the mix has a storage of its own, so small that not everything fits", () => {
  expect(varnishCommand(setup)).toContain("few=malloc,28000000");
  expect(varnishVcl(setup)).toContain('"^/bucket/few/") { set beresp.storage = storage.few; }');
});
