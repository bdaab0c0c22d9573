/** A real browser on the dashboard, over TLS and HTTP/2. Run by `npm run test:services`. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { type CertificateFolder, certificateFolder } from "../support/certificate-folder.ts";
import type { RunningProxy } from "../support/proxy.ts";
import type { S3Backend } from "../support/s3-backend.ts";
import { AUTH_KEY, type Site, startSite } from "../support/site.ts";
import { ensureChromium } from "./chromium.ts";
import { type RedisServer, startRedis } from "./redis.ts";

/** The browser's start, and an installation before it. */
setDefaultTimeout(600_000);
/** What takes longer on the page, in milliseconds, is a failure. */
const PAGE_DEADLINE_MS = 30_000;

const SCREENSHOTS = join(import.meta.dir, "../../.cache/browser");
const PLACES = join(import.meta.dir, "../support/geo/GeoIP2-City-Test.mmdb");
/** Of GeoIP2's test data: London, Linköping, Milton, Boxford. */
const VISITORS = ["81.2.69.160", "89.160.20.112", "216.160.83.56", "2.125.160.216"];
const HOSTILE = "/%3Cimg src=x onerror=alert(1)%3E";

let site: Site<S3Backend>;
let redis: RedisServer;
let proxy: RunningProxy;
let folder: CertificateFolder;
let browser: Browser;
let page: Page;
let origin: string;
/** All that the page complains of, and all that it asks of anybody else. */
let complaints: string[] = [];

beforeAll(async () => {
  const executablePath = await ensureChromium();
  site = await startSite();
  for (let number = 0; number < 20; number++)
    await site.s3.put(`docs/page-${number}.html`, "<h1>A page</h1>".repeat(50 * number + 1), {
      "content-type": "text/html",
    });
  folder = certificateFolder("localhost");
  redis = await startRedis();
  const args = [...folder.flags, "--mmdb-file", PLACES, "--redis-url", redis.url, "--redis-cache"];
  proxy = await site.start({ threads: 2, args });
  origin = `https://localhost:${proxy.port}`;
  // It trusts this key alone, as it would a real certificate; a sandbox isn't to be had for root or in a container.
  const trust = `--ignore-certificate-errors-spki-list=${folder.certificate.keyHash}`;
  browser = await chromium.launch({ executablePath, args: [trust, "--no-sandbox"] });
  page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: "light" });
  page.setDefaultTimeout(PAGE_DEADLINE_MS);
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(origin)) complaints.push(`asks ${request.url()}`);
  });
  mkdirSync(SCREENSHOTS, { recursive: true });
});
afterAll(async () => {
  await browser?.close();
  await site?.stop();
  await redis?.stop();
  folder?.remove();
});

/** Visitors from several places look at pages. */
async function visit(): Promise<void> {
  const tls = { rejectUnauthorized: false };
  for (let number = 0; number < 60; number++) {
    const path = number % 6 === 0 ? HOSTILE : `/docs/page-${Math.floor((number % 20) ** 0.9)}.html`;
    const visitor = VISITORS[number % 7] ?? VISITORS[0] ?? "";
    await (await fetch(`${origin}${path}`, { tls, headers: { "x-forwarded-for": visitor } })).arrayBuffer();
  }
}
const shoot = (name: string) =>
  page.screenshot({ path: join(SCREENSHOTS, `dashboard-${name}.png`), fullPage: true });
const tile = (name: string) => page.locator("#tiles .tile", { hasText: name }).locator("b");

test("a wrong token is said to be wrong, the right one opens the page", async () => {
  await page.goto(`${origin}/_proxy/dashboard`);
  await shoot("login");
  expect(complaints).toEqual([]);
  await page.getByLabel("Management token").fill("not the token");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("alert").getByText("That token is not right").waitFor();
  // Chromium reports the 401 itself.
  complaints = complaints.filter((text) => !text.includes("401"));
  await page.getByLabel("Management token").fill(AUTH_KEY);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.locator('#connection[data-state="live"]').waitFor();
  const [cookie] = await page.context().cookies();
  expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: "Strict", path: "/_proxy" });
  expect(await page.evaluate("document.cookie")).toBe("");
  expect(complaints).toEqual([]);
});

test("what visitors do shows by itself, and what they write is only text", async () => {
  await visit();
  await page.locator("#pages td", { hasText: "/docs/page-" }).first().waitFor();
  const missing = page.locator("#missing td").first();
  await missing.getByText("onerror=alert").waitFor();
  expect(await page.locator("#missing img").count()).toBe(0);
  await page.locator("#countries td", { hasText: "United Kingdom" }).waitFor();
  await page.locator("#map circle").first().waitFor();
  expect(await page.locator("#map path[data-level]").count()).toBeGreaterThan(1);
  await page.locator("#charts polyline").first().waitFor();
  expect(await tile("Hit ratio").textContent()).toMatch(/^[\d.]+\s%$/);
  await visit();
  await shoot("light");
  expect(complaints).toEqual([]);
});

test("an hour can be looked at, and values under the pointer", async () => {
  await page.locator("#range").getByText("1 h").click();
  const chart = page.locator(".chart").first();
  const box = await chart.locator("svg").boundingBox();
  await page.mouse.move((box?.x ?? 0) + (box?.width ?? 0) - 20, (box?.y ?? 0) + 60);
  // It is as wide as nothing, and so for Playwright isn't visible.
  await chart.locator(".cursor").waitFor({ state: "attached" });
  expect(await chart.locator(".legend b").first().textContent()).toMatch(/\/s$/);
  expect(complaints).toEqual([]);
});

test("it is legible in the dark and on a phone, where nothing is wider than the screen", async () => {
  await page.emulateMedia({ colorScheme: "dark" });
  await shoot("dark");
  await page.setViewportSize({ width: 390, height: 844 });
  expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBe(390);
  await shoot("phone");
  await page.setViewportSize({ width: 1280, height: 900 });
  expect(complaints).toEqual([]);
});

test("a path, a prefix and everything is cleared once it is confirmed", async () => {
  const form = page.locator("#clear");
  const said = form.locator("output");
  const clear = async (kind: string, path: string | undefined, answer: "Clear" | "Cancel") => {
    await form.getByLabel(kind).check();
    if (path !== undefined) await form.getByLabel("Path or prefix").fill(path);
    await form.getByRole("button").click();
    await page.locator("#confirm").getByRole("button", { name: answer, exact: true }).click();
  };
  await clear("One path", "docs/page-1.html", "Cancel");
  expect(await said.textContent()).toBe("");
  await clear("One path", "docs/page-1.html", "Clear");
  await said.getByText('Cleared "docs/page-1.html": 1 object').waitFor();
  await clear("A prefix", "docs/page-2", "Clear");
  await said.getByText('Cleared all that begins with "docs/page-2": 1 object').waitFor();
  await clear("Everything", undefined, "Clear");
  await said.getByText(/Cleared everything: \d+ objects/).waitFor();
  await page.locator("#cache tr", { hasText: "Objects" }).getByText("0", { exact: true }).waitFor();
  expect(complaints).toEqual([]);
});

test("how the other nodes are followed is shown, and that this one is alone without Redis", async () => {
  const card = page.locator("#nodes");
  await card.getByText("Followed by way of Redis").waitFor();
  // What was cleared on this page.
  await card.locator("tr", { hasText: "Sent" }).getByText("3", { exact: true }).waitFor();
  await card.getByText(/^0 of \d+ objects had from Redis, \d+ left there$/).waitFor();
  const problem = page.locator("#problems li", { hasText: "Redis has not been reached" });
  expect(await page.locator("#problems").isVisible()).toBe(false);
  await redis.program.kill();
  await card.getByText("This node has been alone").waitFor();
  await problem.waitFor();
  await card.getByText(/it isn't asked now$/).waitFor();
  await shoot("alone");
  expect(complaints).toEqual([]);
});

test("whoever logs out sees the form, and so does who comes back then", async () => {
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByLabel("Management token").waitFor();
  await page.goto(`${origin}/_proxy/dashboard`);
  await page.getByLabel("Management token").waitFor();
  expect(await page.context().cookies()).toEqual([]);
  expect(complaints).toEqual([]);
});
