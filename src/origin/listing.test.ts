import { describe, expect, test } from "bun:test";
import { listingQuery, parseListing } from "./listing.ts";

const document = (inner: string) =>
  `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</ListBucketResult>`;
const LAST = "<IsTruncated>false</IsTruncated>";

describe("parseListing", () => {
  test("reads folders and objects relative to the prefix, the prefix' own object left out", () => {
    const xml = document(
      `${LAST}<EncodingType>url</EncodingType><CommonPrefixes><Prefix>a+b/c/</Prefix></CommonPrefixes>` +
        "<Contents><Key>a+b/</Key><Size>0</Size></Contents>" +
        "<Contents><Key>a+b/%C3%BC%2B%01.txt</Key><LastModified>2015-10-21T07:28:00.000Z</LastModified><Size>7</Size></Contents>",
    );
    expect(parseListing(xml, "a b/")).toEqual({
      folders: ["c/"],
      objects: [{ name: "\u00fc+\u0001.txt", bytes: 7, modifiedMs: Date.UTC(2015, 9, 21, 7, 28) }],
    });
  });
  test("takes names as they are where the server doesn't encode them", () => {
    const xml = document(`${LAST}<Contents><Key>a+b%20&amp;</Key><Size>1</Size></Contents>`);
    expect(parseListing(xml, "")?.objects.map(({ name }) => name)).toEqual(["a+b%20&"]);
  });
  test("has what the next page begins with only where there is one", () => {
    const token = "<NextContinuationToken>1/a+b=</NextContinuationToken>";
    expect(parseListing(document(`<IsTruncated>true</IsTruncated>${token}`), "")?.next).toBe("1/a+b=");
    expect(parseListing(document(LAST + token), "")).toEqual({ folders: [], objects: [] });
  });
  test("leaves out what isn't under the prefix and what can't be decoded", () => {
    const keys = ["b/x", "a/%zz", "a/y"].map((key) => `<Contents><Key>${key}</Key></Contents>`).join("");
    const xml = document(`${LAST}<EncodingType>url</EncodingType>${keys}`);
    expect(parseListing(xml, "a/")?.objects.map(({ name }) => name)).toEqual(["y"]);
  });
  test.each(["", "text", "<html></html>", document(""), document(LAST).slice(0, -5)])(
    "%j is no listing",
    (xml) => {
      expect(parseListing(xml, "")).toBeUndefined();
    },
  );
});

test("the question names a token only where there is one", () => {
  expect(listingQuery("a/", undefined)).toEqual({
    "list-type": "2",
    delimiter: "/",
    "encoding-type": "url",
    "max-keys": "1000",
    prefix: "a/",
  });
  expect(listingQuery("", "t")["continuation-token"]).toBe("t");
});
