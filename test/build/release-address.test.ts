// The address that a release is downloaded from, in what is downloaded first.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { installerFor, parseBaseUrl, readmeFor } from "../../build/release-address.ts";
import { DyncError } from "../../src/base/error.ts";
import { exampleAddress, filledInstaller } from "../../src/web/downloads/installers.ts";

const project = join(import.meta.dir, "..", "..");
const read = (name: string): string => readFileSync(join(project, name), "utf8");
const url = "https://data.example.net/tools/dync";

const emptyPlaces = {
  "install.sh": "\ndefault_base_url=\ndefault_server=\ndefault_server_key=\n",
  "install.ps1": "\n  BaseUrl = ''\n  Server = ''\n  ServerKey = ''\n",
} as const;
const named = {
  "install.sh": `#   curl -fsSL ${url}/install.sh | sh\n`,
  "install.ps1": `#   irm ${url}/install.ps1 | iex\n`,
} as const;

describe.each(["install.sh", "install.ps1"] as const)("%s", (name) => {
  const empty = emptyPlaces[name];

  test("has the address of its release, and in the sources none", () => {
    expect(read(name)).toContain(empty);
    const text = installerFor(name, read(name), url);
    expect(text).toContain(empty.replace(/^(.*ase_?[uU]rl ?= ?)(?:'')?$/m, `$1'${url}'`));
    expect(text).toContain(named[name]);
    expect(text).not.toContain(exampleAddress);
  });

  test("of a release is made that of a server, whose key may have any character of Z85", () => {
    const key = "-:rM>}U?@L$&47E1%kR.o@n%FcmmsL/@{H8]yf7*";
    const from = "https://lab.example:8890";
    const defaults = { baseUrl: `${from}/downloads/0a`, server: "lab.example:9000", serverKey: key };
    const text = filledInstaller(name, installerFor(name, read(name), url), defaults, from);
    for (const value of Object.values(defaults)) expect(text).toContain(`'${value}'\n`);
    expect(text).toContain(named[name].replace(url, from));
    expect(text).not.toContain(url);
    const changed = text.split("\n").filter((line, at) => line !== read(name).split("\n")[at]);
    for (const line of changed) expect(line).toMatch(/lab\.example|L\$&47/);
    expect(() => filledInstaller(name, text, { ...defaults, server: "a'b" }, from)).toThrow(
      "more than a word",
    );
  });

  test("of an older release is no installer of a server", () => {
    const old = read(name).replace(/^(default_server=| {2}Server = ).*$/m, "");
    const fill = () => filledInstaller(name, old, { baseUrl: url, server: "lab" }, url);
    expect(fill).toThrow(`${name} has no place for server: it is of an older release`);
  });
});

test("is in each command of the README that downloads", () => {
  const text = readmeFor(read("README.md"), url);
  expect(text).toContain(`\ncurl -fsSL ${url}/install.sh | sh\n`);
  expect(text).toContain(`\nirm ${url}/install.ps1 | iex\n`);
  expect(text).not.toContain(exampleAddress);
});

test("a text that has no place for it is a failure, not a release without an address", () => {
  expect(() => readmeFor("no address", url)).toThrow(DyncError);
  expect(() => installerFor("install.sh", exampleAddress, url)).toThrow(DyncError);
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
