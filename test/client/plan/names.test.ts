// Names of several files: what a template makes of where they are, and which two are one.

import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import { NameTemplate } from "../../../src/client/plan/name-template.ts";
import { TakenNames } from "../../../src/client/plan/taken-names.ts";

const modified = new Date(2026, 2, 9, 23, 59);
const named = (path: string, isFolder = false) => ({ path: resolve(path), isFolder, modified });

describe("NameTemplate", () => {
  test.each([
    ["{stem}{ext}", "/lab/day/run42.raw", "run42.raw"],
    ["{parent}_{stem}{ext}", "/lab/day/run42.raw", "day_run42.raw"],
    ["{date}-{stem}{ext}", "/lab/day/run42.tar.gz", "2026-03-09-run42.tar.gz"],
    ["{stem}-x{ext}", "/lab/day/run42.tar.gz", "run42.tar-x.gz"],
    ["{stem}-x{ext}", "/lab/day/README", "README-x"],
    ["x{stem}{ext}", "/lab/day/.profile", "x.profile"],
    ["{{{stem}}}", "/lab/day/run42.raw", "{run42}"],
    ["fixed", "/lab/day/run42.raw", "fixed"],
    ["{stem}", "/lab/day/Probe Ä 1.raw", "Probe Ä 1"],
  ])("%s of %s is %s", (template, path, name) => {
    expect(new NameTemplate(template).nameOf(named(path))).toBe(name);
  });

  test("the name of a folder has no ending", () => {
    expect(new NameTemplate("{stem}{ext}-{parent}").nameOf(named("/lab/day/run.42", true))).toBe(
      "run.42-day",
    );
  });

  test.each([
    ["{name}", 'has "{name}", of which nothing is known'],
    ["{Stem}{}{stem", 'has "{Stem}", "{}", "{", of which nothing is known'],
    ["{constructor}", 'has "{constructor}", of which nothing is known'],
    ["}", 'has "}", of which nothing is known'],
    ["{parent}/{stem}", 'needs a name without folders, found "{parent}/{stem}"'],
    ["a\\{stem}", 'needs a name without folders, found "a\\{stem}"'],
  ])("%j is none", (template, message) => {
    expect(() => new NameTemplate(template)).toThrow(`Option "--name-template" ${message}`);
  });

  test.each([
    ["{ext}", "/lab/run42", "is empty"],
    ["{stem}.", "/lab/run42.raw", "ends with a dot"],
    ["{parent}{stem}:1", "/lab/run42.raw", 'contains ":"'],
    [`{stem}${"x".repeat(240)}`, "/lab/run42.raw", "is 245 bytes long, expected at most 240"],
  ])("%s of %s is no name", (template, path, fault) => {
    expect(() => new NameTemplate(template).nameOf(named(path))).toThrow(`that name ${fault}`);
  });
});

test("two names that some system takes for one are one", () => {
  const names = new TakenNames();
  expect(names.take("Run.raw", "a/Run.raw")).toBeNull();
  expect(names.take("run2.raw", "a/run2.raw")).toBeNull();
  expect(names.take("RUN.raw", "b/RUN.raw")).toBe("a/Run.raw");
  expect(names.take("Ru\u0308n.raw", "a/x")).toBeNull();
  expect(names.take("R\u00fcn.raw", "a/y")).toBe("a/x");
});
