import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DyncError } from "../../src/base/error.ts";
import { formatServerAddress } from "../../src/base/format-server-address.ts";
import { faultsOf } from "../../src/cli/command-line-error.ts";
import { parseServerAddress } from "../../src/cli/server-address.ts";

describe("parseServerAddress()", () => {
  const addresses: readonly (readonly [string, string | undefined, string, number])[] = [
    ["host", undefined, "host", 8889],
    ["host", "1", "host", 1],
    ["Host.Example.ORG", undefined, "host.example.org", 8889],
    ["host:1234", undefined, "host", 1234],
    ["host:1234", "1234", "host", 1234],
    ["my_host.", undefined, "my_host.", 8889],
    ["127.0.0.1:1", undefined, "127.0.0.1", 1],
    ["::1", undefined, "::1", 8889],
    ["::1", "5", "::1", 5],
    ["[::1]", undefined, "::1", 8889],
    ["[fe80::1%eth0]:77", undefined, "fe80::1%eth0", 77],
    ["münchen.example", undefined, "xn--mnchen-3ya.example", 8889],
  ];
  for (const [text, portOption, host, port] of addresses) {
    test(`reads ${text}${portOption ? ` -p ${portOption}` : ""}`, () => {
      expect(parseServerAddress(text, portOption)).toEqual({ host, port });
    });
  }

  for (const text of [
    "",
    ".",
    "..",
    "-host",
    "a..b",
    "host/x",
    "../host",
    "user@host",
    "tcp://host",
    "ho st",
    "host:",
    "host:x",
    "host:0",
    "host:65536",
    "host:1:2",
    "[::1",
    "[host]x",
    "[::1]:",
    "a\\b",
    "host\n",
    "x".repeat(254),
  ]) {
    test(`refuses ${JSON.stringify(text)}`, () =>
      expect(() => parseServerAddress(text, undefined)).toThrow(DyncError));
  }

  for (const [text, meant] of [
    ["https://lab.example/", "lab.example"],
    ["tcp://lab.example:8889", "lab.example:8889"],
    ["meyer@lab.example:/data", "lab.example"],
    ["lab.example/data", "lab.example"],
    ["C:/data/run.raw", "HOST, HOST:PORT or [IPV6]:PORT, for example dync.example.org"],
    ["../run.raw", "HOST, HOST:PORT or [IPV6]:PORT, for example dync.example.org"],
  ] as const) {
    test(`says what to write instead of ${text}`, () => {
      const error = faultsOf(() => parseServerAddress(text, undefined))[0];
      expect(error?.message).toBe(`SERVER needs a host name or an address, found "${text}"`);
      expect(error?.hint).toBe(`write ${meant}`);
    });
  }

  test("refuses two ports that differ", () => {
    expect(() => parseServerAddress("host:1", "2")).toThrow('Two ports are given, "1" with SERVER and "2"');
  });

  test("never yields a host that leads out of a folder, and reads its own text again", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.domain(), fc.ipV6(), fc.string({ unit: "binary" })), (text) => {
        try {
          const address = parseServerAddress(text, undefined);
          expect(address.host).toMatch(/^[\w:.%-]+$/);
          expect(address.host).not.toMatch(/^\.*$/);
          expect(parseServerAddress(formatServerAddress(address), undefined)).toEqual(address);
        } catch (error) {
          if (!(error instanceof DyncError)) throw error;
        }
      }),
    );
  });
});
