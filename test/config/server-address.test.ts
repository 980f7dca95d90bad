import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatServerAddress } from "../../src/base/format-server-address.ts";
import { parseServerAddress } from "../../src/config/server-address.ts";

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
      const other = portOption === undefined ? null : { text: portOption, subject: "The port" };
      expect(parseServerAddress(text, other)).toEqual({ ok: true, value: { host, port } });
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
    test(`refuses ${JSON.stringify(text)}`, () => expect(parseServerAddress(text).ok).toBe(false));
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
      expect(parseServerAddress(text)).toEqual({
        ok: false,
        fault: { wanted: "a host name or an address", found: `"${text}"`, hint: `write ${meant}` },
      });
    });
  }

  test("says which port is wrong", () => {
    const wanted = "a whole number from 1 to 65535";
    expect(parseServerAddress("host:x")).toEqual({
      ok: false,
      fault: { subject: 'The port in "host:x"', wanted, found: '"x"' },
    });
    expect(parseServerAddress("host", { text: "0", subject: "Its port" })).toEqual({
      ok: false,
      fault: { subject: "Its port", wanted, found: '"0"' },
    });
  });

  test("never yields a host that leads out of a folder, and reads its own text again", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.domain(), fc.ipV6(), fc.string({ unit: "binary" })), (text) => {
        const parsed = parseServerAddress(text);
        if (!parsed.ok) return;
        const address = parsed.value;
        expect(address.host).toMatch(/^[\w:.%-]+$/);
        expect(address.host).not.toMatch(/^\.*$/);
        expect(parseServerAddress(formatServerAddress(address))).toEqual(parsed);
      }),
    );
  });
});
