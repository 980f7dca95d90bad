import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatServerAddress, formatServerAddresses } from "../../src/base/format-server-address.ts";
import { placesOf } from "../../src/base/server-place.ts";
import { hasOwnPorts, parseServerAddress, withPort } from "../../src/config/server-address.ts";

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

  test.each<[string, string]>([
    ["a.example,b.example:9000", "a.example:8889,b.example:9000"],
    ["a.example:1,[::1]:2,10.0.0.1", "a.example:1,[::1]:2,10.0.0.1:8889"],
    ["::1,A.example", "[::1]:8889,a.example:8889"],
    // Each once, whichever way it is written.
    ["a.example,A.example:8889,b.example,[::1],::1", "a.example:8889,b.example:8889,[::1]:8889"],
    ["a.example,a.example:9000", "a.example:8889,a.example:9000"],
    ["_dync._tcp.lab.example", "_dync._tcp.lab.example"],
    ["_DYNC._TCP.Lab.example,b.example", "_dync._tcp.lab.example,b.example:8889"],
  ])("reads %s, of which the first is what the server is known by", (text, read) => {
    const parsed = parseServerAddress(text);
    expect(parsed.ok && formatServerAddresses(parsed.value)).toBe(read);
    expect(parsed.ok && formatServerAddress(parsed.value)).toBe(read.split(",")[0]!);
  });

  test("has no further addresses where there is one", () => {
    const parsed = parseServerAddress("a.example,a.example");
    expect(parsed.ok && Object.keys(parsed.value)).toEqual(["host", "port"]);
  });

  const forms =
    "write HOST, HOST:PORT or [IPV6]:PORT, for example dync.example.org; between several commas alone";
  test.each([
    ["a.example, b.example", " b.example", forms],
    ["a.example,", "", forms],
    [",", "", forms],
    ["a.example,b c", "b c", forms],
    ["a.example,tcp://b.example:1", "tcp://b.example:1", "write b.example:1; between several commas alone"],
  ])("says which of %j is none", (text, found, hint) => {
    const fault = { wanted: "a host name or an address", found: `"${found}"`, hint };
    expect(parseServerAddress(text)).toEqual({ ok: false, fault });
  });

  test("takes sixteen addresses, and no port with a name of SRV records, which have theirs", () => {
    const many = (count: number) => Array.from({ length: count }, (_, n) => `h${n}`).join(",");
    expect(parseServerAddress(many(16)).ok).toBe(true);
    const tooMany = { wanted: "at most 16 addresses of one server", found: "17" };
    expect(parseServerAddress(many(17))).toEqual({ ok: false, fault: tooMany });
    expect(parseServerAddress("_dync._tcp.lab.example:9000")).toMatchObject({
      fault: {
        wanted: "no port behind the name of SRV records",
        found: '"_dync._tcp.lab.example:9000"',
        hint: "write _dync._tcp.lab.example",
      },
    });
  });

  test.each<[boolean, string]>([
    [false, "a:9,b:9,_dync._tcp.c"],
    [true, "a:9,b:5,_dync._tcp.c"],
  ])("a port that was given elsewhere, where it yields: %p", (yields, read) => {
    const parsed = parseServerAddress("a,b:5,_dync._tcp.c", { text: "9", subject: "Its port", yields });
    expect(parsed.ok && formatServerAddresses(parsed.value)).toBe(read);
  });

  test("gives all of its addresses another port, but for names of SRV records", () => {
    const read = (text: string) => {
      const parsed = parseServerAddress(text);
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.fault));
      return parsed.value;
    };
    expect(formatServerAddresses(withPort(read("a:1,b:2,_dync._tcp.c,a"), 3))).toBe("a:3,b:3,_dync._tcp.c");
    expect(hasOwnPorts(read("_dync._tcp.c"))).toBe(true);
    expect(hasOwnPorts(read("_dync._tcp.c,b"))).toBe(false);
  });

  test("reads what it writes of several, each once, and says what is wrong with any of them", () => {
    const host = fc.oneof(
      fc.domain(),
      fc.ipV4(),
      fc.ipV6(),
      fc.constant("_dync._tcp.lab.example"),
      fc.string(),
    );
    const port = fc.option(fc.integer({ min: -1, max: 70_000 }));
    const one = fc
      .tuple(host, port)
      .map(([it, at]) => (at === null ? it : `${it.includes(":") ? `[${it}]` : it}:${at}`));
    fc.assert(
      fc.property(fc.array(one, { maxLength: 18 }), (texts) => {
        const text = texts.join(",");
        const parsed = parseServerAddress(text);
        const each = text.split(",").map((it) => parseServerAddress(it));
        expect(parsed.ok).toBe(each.length <= 16 && each.every((it) => it.ok));
        if (!parsed.ok) return;
        const places = placesOf(parsed.value).map(formatServerAddress);
        expect(new Set(places).size).toBe(places.length);
        expect(new Set(places)).toEqual(
          new Set(each.map((it) => (it.ok ? formatServerAddress(it.value) : ""))),
        );
        expect(parseServerAddress(formatServerAddresses(parsed.value))).toEqual(parsed);
      }),
    );
  });

  test("never yields a host that leads out of a folder, and reads its own text again", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.domain(), fc.ipV6(), fc.string({ unit: "binary" })), (text) => {
        const parsed = parseServerAddress(text);
        if (!parsed.ok) return;
        const address = parsed.value;
        expect(address.host).toMatch(/^[\w:.%-]+$/);
        expect(address.host).not.toMatch(/^\.*$/);
        expect(parseServerAddress(formatServerAddresses(address))).toEqual(parsed);
      }),
    );
  });
});
