// Where HTTP is answered, as people write it; and what has to be beside it.

import { describe, expect, test } from "bun:test";
import { httpAddresses, isLoopback } from "../../src/config/http-address.ts";
import { readServerSettings } from "../../src/config/server-settings.ts";

describe("an address for HTTP", () => {
  test.each([
    ["none", null],
    ["8890", { host: "127.0.0.1", port: 8890 }],
    ["0", { host: "127.0.0.1", port: 0 }],
    ["localhost:80", { host: "127.0.0.1", port: 80 }],
    ["127.0.0.2:65535", { host: "127.0.0.2", port: 65535 }],
    ["*:8890", { host: "*", port: 8890 }],
    ["10.1.2.3:1", { host: "10.1.2.3", port: 1 }],
    ["[::1]:8890", { host: "::1", port: 8890 }],
    ["[2001:db8::5]:443", { host: "2001:db8::5", port: 443 }],
  ])("%s is read, and written so that it is read again", (text, value) => {
    const parsed = httpAddresses.parse(text);
    expect(parsed).toEqual({ ok: true, value });
    expect(httpAddresses.parse(httpAddresses.write(value))).toEqual({ ok: true, value });
  });

  test.each([
    ...["", ":", "x", "x:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80", "[::1]", "[x]:80"],
    ...["http://127.0.0.1:80", "127.0.0.1:80/", "256.0.0.1:80", " 80", "*", "-1", "[127.0.0.1]:80", ":80"],
  ])("%p is none", (text) => {
    expect(httpAddresses.parse(text)).toMatchObject({ ok: false, fault: { found: JSON.stringify(text) } });
  });

  test("which addresses only this machine hears", () => {
    for (const own of ["127.0.0.1", "127.9.9.9", "::1"]) expect(isLoopback(own)).toBe(true);
    for (const other of ["*", "10.0.0.1", "::", "1.127.0.0"]) expect(isLoopback(other)).toBe(false);
  });
});

describe("settings of HTTP beside each other", () => {
  const certificate = { "http-certificate": "c.pem", "http-key": "k.pem" };
  test.each<[Record<string, string>, readonly string[]]>([
    [{ http: "8890" }, []],
    [{ http: "*:8890" }, ["http"]],
    [{ http: "10.0.0.1:8890" }, ["http"]],
    [{ http: "*:8890", "http-plain": "true" }, []],
    [{ http: "*:8890", ...certificate }, []],
    [{ http: "8890", "http-certificate": "c.pem" }, ["http-key"]],
    [{ "http-key": "k.pem" }, ["http-certificate"]],
    [certificate, []],
  ])("%o", (option, faulty) => {
    expect(readServerSettings({ option }).faults.map(({ name }) => name)).toEqual([...faulty]);
  });
});
