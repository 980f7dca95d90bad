// The address that a release is downloaded from, in what is downloaded first.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { exampleAddress, installerFor, parseBaseUrl, readmeFor } from "../../build/release-address.ts";
import { DyncError } from "../../src/base/error.ts";

const project = join(import.meta.dir, "..", "..");
const read = (name: string): string => readFileSync(join(project, name), "utf8");
const url = "https://data.example.net/tools/dync";

test("is in the installer, which else has none", () => {
  const text = installerFor(read("install.sh"), url);
  expect(text).toContain(`\ndefault_base_url='${url}'\n`);
  expect(text).toContain(`#   curl -fsSL ${url}/install.sh | sh\n`);
  expect(text).not.toContain(exampleAddress);
  expect(read("install.sh")).toContain("\ndefault_base_url=\n");
});

test("is in each command of the README that downloads", () => {
  const text = readmeFor(read("README.md"), url);
  expect(text).toContain(`\ncurl -fsSL ${url}/install.sh | sh\n`);
  expect(text).toContain(`$from = "${url}"\n`);
  expect(text).not.toContain(exampleAddress);
});

test("a text that has no place for it is a failure, not a release without an address", () => {
  expect(() => readmeFor("no address", url)).toThrow(DyncError);
  expect(() => installerFor(exampleAddress, url)).toThrow(DyncError);
});

describe("an address", () => {
  const good: readonly (readonly [string, string])[] = [
    ["https://host.example/dync/", "https://host.example/dync"],
    ["http://127.0.0.1:8000", "http://127.0.0.1:8000"],
    ["http://[::1]:8000/x", "http://[::1]:8000/x"],
    ["https://host.example/a b", "https://host.example/a%20b"],
  ];
  test.each(good)("%s is taken", (text, expected) => expect(parseBaseUrl(text)).toBe(expected));

  const bad = [
    "",
    "host.example/dync",
    "ftp://host.example",
    "file:///srv",
    "https://user:word@host.example/",
    "https://host.example/?x=1",
    "https://host.example/#x",
    "https://host.example/'$(touch evil)'",
  ];
  test.each(bad)("%p is none", (text) =>
    expect(() => parseBaseUrl(text)).toThrow("needs an http(s) address"),
  );
});
