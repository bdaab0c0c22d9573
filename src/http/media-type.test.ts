import { expect, test } from "bun:test";
import { isTextLike, mediaTypeOf } from "./media-type.ts";

test.each([
  "text/html",
  "TEXT/HTML; charset=utf-8",
  " text/css ",
  "text/plain;format=flowed",
  "application/json",
  "application/ld+json",
  "image/svg+xml; charset=utf-8",
  "application/javascript",
  "application/manifest+json",
  "application/wasm",
  "font/ttf",
  "image/x-icon",
])("%p gets smaller", (type) => {
  expect(isTextLike(type)).toBe(true);
});

test.each([
  "",
  "text",
  "image/png",
  "image/jpeg",
  "video/mp4",
  "font/woff2",
  "application/zip",
  "application/gzip",
  "application/octet-stream",
  "application/json-seq-not",
  "text/event-stream",
  "TEXT/EVENT-STREAM; charset=utf-8",
  "image/png; name=text/html",
  "application/x+jsonp",
])("%p doesn't", (type) => {
  expect(isTextLike(type)).toBe(false);
});

test.each([
  [undefined, "a.html", "text/html;charset=utf-8"],
  ["binary/octet-stream", "a.svg", "image/svg+xml"],
  ["application/octet-stream", "a.svg", "application/octet-stream"],
  ["image/png", "a.html", "image/png"],
])("what is stored as %p under %p is %p", (stored, key, type) => {
  expect(mediaTypeOf(stored, key)).toBe(type);
});
