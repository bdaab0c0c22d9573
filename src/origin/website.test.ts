import { describe, expect, test } from "bun:test";
import { parseWebsite } from "./website.ts";

const document = (inner: string) =>
  `<?xml version="1.0"?><WebsiteConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</WebsiteConfiguration>`;
const INDEX = "<IndexDocument><Suffix>home.htm</Suffix></IndexDocument>";
const ruleOf = (condition: string, redirect: string) =>
  `<RoutingRule>${condition === "" ? "" : `<Condition>${condition}</Condition>`}<Redirect>${redirect}</Redirect></RoutingRule>`;
const rulesOf = (...rules: string[]) =>
  parseWebsite(document(`${INDEX}<RoutingRules>${rules.join("")}</RoutingRules>`));

describe("parseWebsite", () => {
  test("reads the documents", () => {
    expect(parseWebsite(document(INDEX))).toEqual({ indexDocument: "home.htm", rules: [], ignoredRules: 0 });
    expect(
      parseWebsite(document(`${INDEX}<ErrorDocument><Key>e/4 &amp; 4.html</Key></ErrorDocument>`)),
    ).toEqual({
      indexDocument: "home.htm",
      errorDocument: "e/4 & 4.html",
      rules: [],
      ignoredRules: 0,
    });
  });
  test("reads where everything is sent", () => {
    const all = "<HostName>example.com:81</HostName><Protocol>https</Protocol>";
    expect(parseWebsite(document(`<RedirectAllRequestsTo>${all}</RedirectAllRequestsTo>`))).toEqual({
      redirectAll: { status: 301, host: "example.com:81", protocol: "https" },
      rules: [],
      ignoredRules: 0,
    });
  });
  test("reads rules in their order, one of them or several", () => {
    const first = ruleOf(
      "<KeyPrefixEquals>docs/</KeyPrefixEquals>",
      "<ReplaceKeyPrefixWith>a/</ReplaceKeyPrefixWith>",
    );
    const parsed = { keyPrefix: "docs/", redirect: { status: 301, keyPrefix: "a/" } };
    expect(rulesOf(first)?.rules).toEqual([parsed]);
    const second = ruleOf(
      "<KeyPrefixEquals>x</KeyPrefixEquals><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals>",
      "<HostName>h</HostName><HttpRedirectCode>302</HttpRedirectCode><ReplaceKeyWith>k</ReplaceKeyWith>",
    );
    const third = ruleOf("", "<Protocol>http</Protocol><ReplaceKeyPrefixWith/>");
    expect(rulesOf(first, second, third)?.rules).toEqual([
      parsed,
      { keyPrefix: "x", errorStatus: 404, redirect: { status: 302, host: "h", key: "k" } },
      { redirect: { status: 301, protocol: "http", keyPrefix: "" } },
    ]);
  });
  test.each([
    ["<Protocol>javascript</Protocol>"],
    ["<HostName>a/b</HostName>"],
    ["<HostName>user@host</HostName>"],
    ["<HostName>a b</HostName>"],
    ["<HttpRedirectCode>200</HttpRedirectCode>"],
    ["<HttpRedirectCode>304</HttpRedirectCode>"],
    ["<ReplaceKeyWith>a&#13;&#10;b</ReplaceKeyWith>"],
  ])("leaves out a rule with %s, and counts it", (redirect) => {
    const good = ruleOf("", "<HostName>h</HostName>");
    const website = rulesOf(ruleOf("", redirect), good);
    expect([website?.rules.length, website?.ignoredRules]).toEqual([1, 1]);
  });
  test("leaves out a rule for a status that is no error", () => {
    const condition = "<HttpErrorCodeReturnedEquals>200</HttpErrorCodeReturnedEquals>";
    expect(rulesOf(ruleOf(condition, "<HostName>h</HostName>"))?.rules).toEqual([]);
  });
  test("takes no more rules than S3", () => {
    const website = rulesOf(...Array.from({ length: 51 }, () => ruleOf("", "<HostName>h</HostName>")));
    expect([website?.rules.length, website?.ignoredRules]).toEqual([50, 1]);
  });
  test.each([
    "",
    "text",
    "<Other/>",
    document(""),
    document("<IndexDocument/>"),
    document("<IndexDocument><Suffix>a/b</Suffix></IndexDocument>"),
    document("<IndexDocument><Suffix>..</Suffix></IndexDocument>"),
    document("<IndexDocument><Suffix>a&#9;b</Suffix></IndexDocument>"),
    document("<RedirectAllRequestsTo><HostName>a/b</HostName></RedirectAllRequestsTo>"),
    document(INDEX).slice(0, -5),
  ])("%j is none", (xml) => {
    expect(parseWebsite(xml)).toBeUndefined();
  });
  test("leaves out an error document that no path can name", () => {
    for (const key of ["../other/x", "a/./b", "", "a&#10;"]) {
      const xml = document(`${INDEX}<ErrorDocument><Key>${key}</Key></ErrorDocument>`);
      expect(parseWebsite(xml)?.errorDocument).toBeUndefined();
    }
  });
});
