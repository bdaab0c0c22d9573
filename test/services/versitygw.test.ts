import { afterEach, expect, test } from "bun:test";
import { ensureVersitygw } from "./versitygw.ts";

const before = process.env.VERSITYGW;

afterEach(() => {
  if (before === undefined) delete process.env.VERSITYGW;
  else process.env.VERSITYGW = before;
});

test("a VERSITYGW that does not exist is an error that quotes it", async () => {
  process.env.VERSITYGW = "/nowhere/versitygw";
  const wanted = 'VERSITYGW is "/nowhere/versitygw", and there is no such file';
  await expect(ensureVersitygw()).rejects.toThrow(wanted);
});

test("a VERSITYGW that exists is taken", async () => {
  process.env.VERSITYGW = import.meta.path;
  expect(await ensureVersitygw()).toBe(import.meta.path);
});
