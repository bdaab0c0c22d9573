import { expect, test } from "bun:test";
import { bucketAddress } from "./address.ts";

test.each([
  {
    title: "AWS, one label",
    location: { bucket: "my-site", region: "eu-west-1" },
    origin: "https://my-site.s3.eu-west-1.amazonaws.com",
    basePath: "/",
  },
  {
    title: "AWS, dots would break its certificate",
    location: { bucket: "www.example.com", region: "us-east-1" },
    origin: "https://s3.us-east-1.amazonaws.com",
    basePath: "/www.example.com/",
  },
  {
    title: "AWS, capitals and underscores aren't a host name",
    location: { bucket: "Old_Bucket", region: "us-east-1" },
    origin: "https://s3.us-east-1.amazonaws.com",
    basePath: "/Old_Bucket/",
  },
  {
    title: "AWS, longer than a label",
    location: { bucket: "a".repeat(64), region: "us-east-1" },
    origin: "https://s3.us-east-1.amazonaws.com",
    basePath: `/${"a".repeat(64)}/`,
  },
  {
    title: "AWS in China",
    location: { bucket: "my-site", region: "cn-north-1" },
    origin: "https://my-site.s3.cn-north-1.amazonaws.com.cn",
    basePath: "/",
  },
  {
    title: "another server, path style",
    location: { bucket: "my-site", region: "x", endpoint: "http://127.0.0.1:9000" },
    origin: "http://127.0.0.1:9000",
    basePath: "/my-site/",
  },
  {
    title: "another server, virtual host",
    location: { bucket: "my-site", region: "x", endpoint: "https://s3.example:9000", virtualHost: true },
    origin: "https://my-site.s3.example:9000",
    basePath: "/",
  },
  {
    title: "another server, virtual host with dots",
    location: { bucket: "a.b", region: "x", endpoint: "https://s3.example", virtualHost: true },
    origin: "https://a.b.s3.example",
    basePath: "/",
  },
])("$title: $origin$basePath", ({ location, origin, basePath }) => {
  const address = bucketAddress({ virtualHost: false, ...location });
  expect(address).toEqual({ origin, host: origin.replace(/^https?:\/\//, ""), basePath });
});
