/** A real browser on the sample site, through the real program over TLS and HTTP/2. Run by `npm run test:services`. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page, type Response as PageResponse } from "playwright-core";
import { type CertificateFolder, certificateFolder } from "../support/certificate-folder.ts";
import type { RunningProxy } from "../support/proxy.ts";
import type { S3Backend } from "../support/s3-backend.ts";
import { uploadSampleSite } from "../support/sample-site.ts";
import { type Site, startSite } from "../support/site.ts";
import { ensureChromium } from "./chromium.ts";

/** The browser's start, and an installation before it. */
setDefaultTimeout(600_000);
/** A page that takes longer, in milliseconds, is a failure. */
const PAGE_DEADLINE_MS = 30_000;

const SCREENSHOTS = join(import.meta.dir, "../../.cache/browser");
/** An hour of sound, 57.6 MB: far more than a browser asks for ahead. */
const SOUND = { seconds: 3_600, samplesPerSecond: 8_000 };
/** Where it is sought to, in seconds: past anything that was loaded for its beginning. */
const SEEK_TO_SECONDS = 3_000;

let site: Site<S3Backend>;
let proxy: RunningProxy;
let folder: CertificateFolder;
let browser: Browser;
let page: Page;
let origin: string;
/** All answers and all complaints of the page that is looked at. */
let responses: PageResponse[];
let complaints: string[];

beforeAll(async () => {
  const executablePath = await ensureChromium();
  site = await startSite();
  await upload(site.s3);
  folder = certificateFolder("localhost");
  proxy = await site.start({ threads: 2, args: folder.flags });
  origin = `https://localhost:${proxy.port}`;
  // It trusts this key alone, as it would a real certificate; a sandbox isn't to be had for root or in a container.
  const trust = `--ignore-certificate-errors-spki-list=${folder.certificate.keyHash}`;
  browser = await chromium.launch({ executablePath, args: [trust, "--no-sandbox"] });
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(PAGE_DEADLINE_MS);
  page.on("response", (response) => responses.push(response));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("requestfailed", (request) => {
    // Chromium reports every HEAD so whose empty body no script reads, whatever the server.
    if (request.method() !== "HEAD") complaints.push(`${request.url()}: ${request.failure()?.errorText}`);
  });
  mkdirSync(SCREENSHOTS, { recursive: true });
});
afterAll(async () => {
  await browser?.close();
  await site?.stop();
  folder?.remove();
});

async function upload(s3: S3Backend): Promise<void> {
  await uploadSampleSite(s3);
  await s3.put("media/sound.wav", silence(), { "content-type": "audio/wav" });
  const player =
    '<!doctype html><title>Sound</title><video src="sound.wav" controls preload="metadata"></video>';
  await s3.put("media/index.html", player, { "content-type": "text/html; charset=utf-8" });
}

/** A WAV file: 16 bits, one channel. */
function silence(): Uint8Array {
  const { seconds, samplesPerSecond } = SOUND;
  const dataBytes = seconds * samplesPerSecond * 2;
  const file = Buffer.alloc(44 + dataBytes);
  file.write("RIFF", 0);
  file.writeUInt32LE(36 + dataBytes, 4);
  file.write("WAVEfmt ", 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(samplesPerSecond, 24);
  file.writeUInt32LE(samplesPerSecond * 2, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36);
  file.writeUInt32LE(dataBytes, 40);
  return file;
}

/** Goes there and waits until everything of the page is loaded. */
async function open(path: string): Promise<number> {
  responses = [];
  complaints = [];
  const response = await page.goto(`${origin}${path}`, { waitUntil: "networkidle" });
  return response?.status() ?? 0;
}

// What runs in the page is text: its globals aren't those of this program, nor are their types.

/** What the page's parts came over. */
const PROTOCOLS = `[...new Set(["navigation", "resource"]
  .flatMap((type) => performance.getEntriesByType(type))
  .map((entry) => entry.nextHopProtocol))]`;
/** Addresses of the pictures that didn't load. */
const BROKEN_PICTURES =
  "[...document.images].filter((each) => each.naturalWidth === 0).map((each) => each.src)";
const STYLE_RULES = "document.styleSheets[0]?.cssRules.length ?? 0";
/** Seeks as a visitor would, and plays on from there. */
const SEEK = `(async () => {
  const player = document.querySelector("video");
  const until = (event) => new Promise((resolve, reject) => {
    player.addEventListener(event, resolve, { once: true });
    player.addEventListener("error", () => reject(new Error(player.error?.message)), { once: true });
  });
  if (player.readyState === 0) await until("loadedmetadata");
  player.currentTime = ${SEEK_TO_SECONDS};
  await until("seeked");
  player.muted = true;
  await player.play();
  await until("timeupdate");
  return { duration: player.duration, now: player.currentTime };
})()`;

/** Addresses that were answered with an error. */
function refused(): string[] {
  return responses.filter((response) => response.status() >= 400).map((response) => response.url());
}

test("the start page comes whole over HTTP/2: style sheet, script and pictures", async () => {
  expect(await open("/")).toBe(200);
  expect(await page.title()).toContain("s3proxy");
  const paths = responses.map((response) => new URL(response.url()).pathname);
  for (const path of ["/css/site.css", "/js/site.js", "/images/landscape.jpg"]) expect(paths).toContain(path);
  expect(refused()).toEqual([]);
  expect(await page.evaluate<number>(STYLE_RULES)).toBeGreaterThan(10);
  expect(await page.evaluate(BROKEN_PICTURES)).toEqual([]);
  expect(await page.evaluate(PROTOCOLS)).toEqual(["h2"]);
  expect(complaints).toEqual([]);
  await page.screenshot({ path: join(SCREENSHOTS, "start-page.png"), fullPage: true });
});

test("its script runs, and sees the cache hit", async () => {
  await page.selectOption("#target", "/robots.txt");
  const facts = page.locator('[data-probe="facts"]');
  await facts.getByText("s3proxy; fwd=uri-miss").waitFor();
  await page.getByRole("button", { name: "Ask again" }).click();
  await facts.getByText("s3proxy; hit").waitFor();
  expect(await facts.textContent()).toContain("HTTP/2");
  expect(complaints).toEqual([]);
});

test.each([
  ["How it works", "/docs/how-it-works/"],
  ["In this bucket", "/docs/"],
  ["Awkward names", "/docs/gr%C3%B6%C3%9Fe%20%26%20ma%C3%9F.html"],
])("the link %s leads to its page", async (name, path) => {
  await open("/");
  responses = [];
  await page.getByRole("navigation").getByRole("link", { name, exact: true }).click();
  await page.waitForURL(`${origin}${path}`, { waitUntil: "networkidle" });
  expect(refused()).toEqual([]);
  expect(await page.evaluate(BROKEN_PICTURES)).toEqual([]);
  expect(await page.locator("h1").count()).toBe(1);
  expect(complaints).toEqual([]);
});

test("a page that doesn't exist is a 404", async () => {
  expect(await open("/no-such-page")).toBe(404);
});

test("an hour of sound is sought in without being loaded up to there", async () => {
  expect(await open("/media/")).toBe(200);
  const at = await page.evaluate<{ duration: number; now: number }>(SEEK);
  expect(at).toEqual({ duration: SOUND.seconds, now: expect.any(Number) });
  expect(at.now).toBeGreaterThanOrEqual(SEEK_TO_SECONDS);
  const sound = responses.filter((response) => response.url().endsWith(".wav"));
  const parts = sound.map((response) => response.headers()["content-range"] ?? "");
  const firsts = parts.map((part) => Number(/^bytes (\d+)-/.exec(part)?.[1] ?? 0));
  expect(sound.map((response) => response.status())).toContain(206);
  expect(Math.max(...firsts)).toBeGreaterThan(SEEK_TO_SECONDS * SOUND.samplesPerSecond);
  await page.screenshot({ path: join(SCREENSHOTS, "sound.png") });
});
