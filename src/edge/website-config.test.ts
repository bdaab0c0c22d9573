import { expect, test } from "bun:test";
import { websiteOf } from "./website-config.ts";

const none = { indexDocument: undefined, errorDocument: undefined, isSpa: true, isListed: false };
const bucket = { indexDocument: "home.htm", errorDocument: "e.html", rules: [], ignoredRules: 0 };

test("what the operator says wins over what the bucket says, and that over the default", () => {
  expect(websiteOf(none)).toMatchObject({
    indexDocument: "index.html",
    errorDocument: undefined,
    isSpa: true,
  });
  expect(websiteOf(none, bucket)).toMatchObject({ indexDocument: "home.htm", errorDocument: "e.html" });
  expect(websiteOf({ ...none, indexDocument: "a" }, bucket)).toMatchObject({
    indexDocument: "a",
    errorDocument: "e.html",
  });
  expect(websiteOf({ ...none, errorDocument: "b" }, bucket)).toMatchObject({
    indexDocument: "home.htm",
    errorDocument: "b",
  });
});
