// Under which addresses others reach a server.

import { describe, expect, test } from "bun:test";
import { publicAddresses, publicUrls, writePublicAddress } from "../../src/config/public-address.ts";
import { readServerSettings } from "../../src/config/server-settings.ts";

describe("an address of a page", () => {
  test.each<[string, string | null]>([
    ["none", null],
    ["https://dync.example.org", "https://dync.example.org"],
    ["https://dync.example.org/", "https://dync.example.org"],
    ["https://Lab.Example.org:8443/dync/", "https://lab.example.org:8443/dync"],
    ["http://127.0.0.1:8890", "http://127.0.0.1:8890"],
    ["https://lab.example/`x`", "https://lab.example/%60x%60"],
    ["https://[2001:db8::1]:443", "https://[2001:db8::1]"],
  ])("%s is read", (text, value) => {
    expect(publicUrls.parse(text)).toEqual({ ok: true, value });
    expect(publicUrls.parse(publicUrls.write(value))).toEqual({ ok: true, value });
  });

  test.each([
    ...["", "dync.example.org", "ftp://a", "https://a/?x", "https://a/#x", "https://me:pw@a/", "https://"],
    ...["https://a/'x'", "https://a/$(x)", "https://a/;x", "https://a/&x", "javascript:x"],
  ])("%p is none", (text) => {
    expect(publicUrls.parse(text)).toMatchObject({ ok: false, fault: { found: JSON.stringify(text) } });
  });
});

describe("an address for clients", () => {
  test.each<[string, ReturnType<typeof parsed>, string]>([
    ["none", null, "none"],
    ["dync.example.org", { host: "dync.example.org", port: null }, "dync.example.org"],
    ["dync.example.org:9000", { host: "dync.example.org", port: 9000 }, "dync.example.org:9000"],
    ["dync.example.org:8889", { host: "dync.example.org", port: 8889 }, "dync.example.org"],
    ["2001:db8::1", { host: "2001:db8::1", port: null }, "[2001:db8::1]"],
    ["[2001:db8::1]:9000", { host: "2001:db8::1", port: 9000 }, "[2001:db8::1]:9000"],
    ["Büro.example", { host: "xn--bro-hoa.example", port: null }, "xn--bro-hoa.example"],
  ])("%s is read, and written as clients read it", (text, value, written) => {
    expect(parsed(text)).toEqual(value);
    expect(publicAddresses.write(value ?? null)).toBe(written);
  });

  test.each([
    "",
    "a b",
    "host:0",
    "host:x",
    "host:70000",
    "https://host/x",
    "-a",
    "a'b",
    "a,b",
    "_dync._tcp.lab.example",
  ])("%p is none", (text) => {
    expect(publicAddresses.parse(text).ok).toBe(false);
  });

  test("has its port where that is not the usual one", () => {
    expect(writePublicAddress({ host: "a.example", port: 9000 })).toBe("a.example:9000");
  });
});

function parsed(text: string) {
  const parsed = publicAddresses.parse(text);
  return parsed.ok ? parsed.value : undefined;
}

describe("what is handed out", () => {
  const faults = (option: Readonly<Record<string, string>>) =>
    readServerSettings({ option: { downloads: "/srv/release", ...option } }).faults.map(
      ({ name, fault: { wanted } }) => `${name}: ${wanted}`,
    );
  const tls = { "http-certificate": "c.pem", "http-key": "k.pem" };

  test("needs something that answers", () => {
    expect(faults({})).toEqual(['downloads: "none", as nothing is answered over HTTP']);
  });

  test("goes to other machines by TLS alone, of this server or of a proxy that is named", () => {
    expect(faults({ http: "*:8890", "http-plain": "true" })).toEqual([
      'downloads: "none", as there is no TLS',
    ]);
    const plain = { http: "*:8890", "http-plain": "true", "public-url": "http://lab.example" };
    expect(faults(plain)).toHaveLength(1);
    expect(faults({ ...plain, "public-url": "https://lab.example" })).toEqual([]);
    expect(faults({ http: "*:8890", ...tls })).toEqual([]);
    expect(faults({ http: "8890" })).toEqual([]);
  });
});
