// SERVER and FILE on one command line: what is which, and which server is meant.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { formatServerAddresses } from "../../src/base/format-server-address.ts";
import { faultsOf } from "../../src/cli/command-line-error.ts";
import { type KnownServers, readKnownServers } from "../../src/cli/dync/known-servers.ts";
import { chosenServer, profileOf, tellApart } from "../../src/cli/dync/server-choice.ts";
import type { NamedServer } from "../../src/config/client-settings.ts";
import { tempFolder } from "../support/temp-folder.ts";

const folder = await tempFolder();
afterAll(() => folder[Symbol.asyncDispose]());

const home = folder.file("home");
mkdirSync(join(home, "servers"), { recursive: true });
writeFileSync(join(home, "servers", "other.example.key"), "");
writeFileSync(join(home, "servers", "third.example_99.key"), "");
writeFileSync(join(home, "server.key"), "");

const unsaid = { metadata: [], jobs: null, retryForMs: null, limit: null, instrument: null };
const lab2 = { host: "one.example", port: 9, alsoAt: [{ host: "two.example", port: 10 }] };
const named = new Map<string, NamedServer>([
  ["lab", { host: "dync.example.org", port: 9000, serverKey: "lab.key", ...unsaid }],
  ["both", { ...lab2, serverKey: null, ...unsaid }],
  ["archive", { host: "archive.example.org", port: 8889, serverKey: null, ...unsaid }],
]);
const none: KnownServers = { home, named: new Map(), default: null };
const aliases: KnownServers = { home, named, default: null };
const withDefault: KnownServers = { home, named, default: { text: "lab", saidBy: "client.toml" } };
const byAddress: KnownServers = {
  home,
  named,
  default: { text: "dync.example.net:77", saidBy: "DYNC_SERVER" },
};

describe("tellApart()", () => {
  const isThere = (path: string) =>
    ["run42.raw", "run43.raw", "archive", "x:7", "run42/", "other.example"].includes(path);
  const rows: readonly (readonly [KnownServers, string, string | null])[] = [
    // Without a default SERVER is there.
    [none, "", null],
    [none, "host", "host"],
    [none, "host run42.raw", "host"],
    [none, "run42.raw run43.raw", "run42.raw"],
    [aliases, "lab run42.raw", "lab"],
    [aliases, "archive run42.raw", "archive"],
    // With one it may be left out.
    [withDefault, "", null],
    [withDefault, "-", null],
    [withDefault, "run42.raw", null],
    [withDefault, "run42/", null],
    [withDefault, "run42.raw run43.raw", null],
    [withDefault, "missing.raw", null],
    [withDefault, "missing.raw run42.raw", null],
    [withDefault, "unknown.example.org run42.raw", null],
    [withDefault, "./lab", null],
    [withDefault, "C:\\runs\\run42.raw", null],
    [withDefault, "C:run42.raw", null],
    [withDefault, "x:y", null],
    [withDefault, "sub/run42.raw", null],
    [withDefault, "Lab run42.raw", null],
    [withDefault, "third.example run42.raw", null],
    // What says that it is one: an alias, ...
    [withDefault, "lab", "lab"],
    [withDefault, "lab run42.raw", "lab"],
    [withDefault, "lab -", "lab"],
    [withDefault, "lab missing.raw", "lab"],
    // ... a port, an IP address, this computer, ...
    [withDefault, "unknown.example.org:8889 run42.raw", "unknown.example.org:8889"],
    [withDefault, "[::1]:9 run42.raw", "[::1]:9"],
    [withDefault, "::1 run42.raw", "::1"],
    [withDefault, "10.0.0.1 run42.raw", "10.0.0.1"],
    [withDefault, "localhost run42.raw", "localhost"],
    [withDefault, "_dync._tcp.lab.example run42.raw", "_dync._tcp.lab.example"],
    // ... also of one of several, ...
    [withDefault, "unknown.example,10.0.0.1 run42.raw", "unknown.example,10.0.0.1"],
    [withDefault, "unknown.example,other:1 run42.raw", "unknown.example,other:1"],
    [withDefault, "two.example run42.raw", "two.example"],
    [withDefault, "run42.raw,run43.raw run42.raw", null],
    // ... the host of a server with a name, ...
    [withDefault, "dync.example.org run42.raw", "dync.example.org"],
    [withDefault, "Archive.example.org run42.raw", "Archive.example.org"],
    [byAddress, "dync.example.net run42.raw", "dync.example.net"],
    [byAddress, "dync.example.net:77 run42.raw", "dync.example.net:77"],
    // ... or a key file, that of any server being none.
    [withDefault, "third.example:99 run42.raw", "third.example:99"],
  ];
  test.each(rows)("%#: %s", (known, line, server) => {
    const words = line.split(" ").filter((it) => it !== "");
    const paths = server === null ? words : words.slice(1);
    expect(tellApart(words, known, isThere)).toEqual({ server, paths });
  });

  test.each(["archive run42.raw", "archive", "x:7", "other.example run42.raw"])("%s may be both", (line) => {
    const [word] = line.split(" ");
    const [fault] = faultsOf(() => tellApart(line.split(" "), withDefault, isThere));
    expect(fault?.message).toBe(`"${word}" is a server, and here also a file or folder`);
    expect(fault?.hint).toStartWith(`write ./${word} where that is meant`);
  });

  test("a key file of a host makes it a server", () => {
    expect(tellApart(["other.example"], withDefault, () => false).server).toBe("other.example");
  });
});

/** What DYNC_PORT says, and no option. */
const variable = (port: string) => ({ port, serverKey: undefined, portVariable: "DYNC_PORT" });

describe("chosenServer()", () => {
  const rows: readonly (readonly [
    KnownServers,
    string | null,
    string | undefined,
    string,
    number,
    string | null,
  ])[] = [
    [none, "host", undefined, "host", 8889, null],
    [none, "lab", undefined, "lab", 8889, null],
    [aliases, "lab", undefined, "dync.example.org", 9000, "lab.key"],
    [aliases, "lab", "1", "dync.example.org", 1, "lab.key"],
    [aliases, "archive", undefined, "archive.example.org", 8889, null],
    [withDefault, null, undefined, "dync.example.org", 9000, "lab.key"],
    [withDefault, null, "1", "dync.example.org", 1, "lab.key"],
    [withDefault, "dync.example.org", undefined, "dync.example.org", 8889, null],
    [byAddress, null, undefined, "dync.example.net", 77, null],
    [byAddress, null, "1", "dync.example.net", 1, null],
  ];
  test.each(rows)("%#: %s", (known, server, port, host, expectedPort, key) => {
    expect(chosenServer(server, { port, serverKey: undefined }, known)).toEqual({
      host,
      port: expectedPort,
      serverKeyFile: key === null ? null : join(home, key),
    });
  });

  test.each([
    ["lab", undefined, 7],
    ["lab", "1", 1],
    [null, undefined, 7],
    ["host", undefined, 7],
    // What stands with the server is meant for it.
    ["host:5", undefined, 5],
  ])("%s with --port %s goes to %d where DYNC_PORT is 7", (server, port, expected) => {
    const options = port === undefined ? variable("7") : { port, serverKey: undefined };
    expect(chosenServer(server, options, withDefault).port).toBe(expected);
  });

  test("several addresses come along, with the port that is said for them", () => {
    const chosen = (server: string | null, port?: string, known = aliases) =>
      formatServerAddresses(chosenServer(server, { port, serverKey: undefined }, known));
    expect(chosen("both")).toBe("one.example:9,two.example:10");
    expect(chosen("both", "5")).toBe("one.example:5,two.example:5");
    expect(chosen("a,b:9000")).toBe("a:8889,b:9000");
    expect(chosen("a,b:9000", "5")).toBe("a:5,b:9000");
    const severalByDefault = { ...aliases, default: { text: "a,b:9000", saidBy: "DYNC_SERVER" } };
    expect(chosen(null, "5", severalByDefault)).toBe("a:5,b:5");
    expect(formatServerAddresses(chosenServer(null, variable("5"), severalByDefault))).toBe("a:5,b:9000");
    expect(formatServerAddresses(chosenServer("_dync._tcp.x", variable("5"), aliases))).toBe("_dync._tcp.x");
  });

  test("DYNC_PORT yields to a port within DYNC_SERVER, and a bad one is named", () => {
    expect(chosenServer(null, variable("7"), byAddress).port).toBe(77);
    for (const server of ["lab", "host"]) {
      const [fault] = faultsOf(() => chosenServer(server, variable("x"), withDefault));
      expect(fault?.message).toBe('Variable DYNC_PORT needs a whole number from 1 to 65535, found "x"');
    }
  });

  test("what client.toml says of a server is found by its alias, also as the default", () => {
    expect(profileOf("lab", none)).toBeNull();
    expect(profileOf("lab", aliases)).toBe(named.get("lab") as NamedServer);
    expect(profileOf(null, withDefault)).toBe(named.get("lab") as NamedServer);
    expect(profileOf("dync.example.org", withDefault)).toBeNull();
  });

  test("a key that was named goes over that of the file, and is found from here", () => {
    const { serverKeyFile } = chosenServer("lab", { port: undefined, serverKey: "mine.key" }, aliases);
    expect(serverKeyFile).toBe(resolve("mine.key"));
  });

  const faulty: KnownServers = { home, named, default: { text: "http://x/", saidBy: "DYNC_SERVER" } };
  const refusals: readonly (readonly [KnownServers, string | null, string | undefined, string])[] = [
    [none, null, undefined, "SERVER is missing"],
    [none, "_dync._tcp.x", "1", 'Option "--port" is of no use with a name of SRV records'],
    [none, "a, b", undefined, 'SERVER needs a host name or an address, found " b"'],
    [none, "a b", undefined, 'SERVER needs a host name or an address, found "a b"'],
    [none, "host:1", "2", 'Two ports are given, "1" with SERVER and "2"'],
    [faulty, null, undefined, 'DYNC_SERVER needs a host name or an address, found "http://x/"'],
    [withDefault, null, "x", 'Option "--port" needs a whole number from 1 to 65535, found "x"'],
    [byAddress, null, "x", 'Option "--port" needs a whole number from 1 to 65535, found "x"'],
  ];
  test.each(refusals)("%#: %s with --port %s is refused", (known, server, port, message) => {
    const faults = faultsOf(() => chosenServer(server, { port, serverKey: undefined }, known));
    expect(faults.map((it) => it.message)).toEqual([message]);
  });
});

describe("readKnownServers()", () => {
  const read = (text: string | Uint8Array | null, DYNC_SERVER?: string) => {
    const own = mkdtempSync(folder.file("own-"));
    if (text !== null) writeFileSync(join(own, "client.toml"), text);
    return { own, read: () => readKnownServers({ DYNC_HOME: own, DYNC_SERVER }) };
  };
  const toml = '\ufeffdefault_server = "lab"\r\n[servers.lab]\r\nhost = "dync.example.org"\r\n';

  test("DYNC_SERVER goes over the file, and an empty one is none", () => {
    expect(read(null).read().default).toBeNull();
    expect(read(null, "x").read().default?.text).toBe("x");
    expect(read(toml).read().default?.text).toBe("lab");
    expect(read(toml, "x").read().default?.text).toBe("x");
    expect(read(toml, "").read().default?.text).toBe("lab");
    expect(read(toml).read().named.get("lab")?.host).toBe("dync.example.org");
  });

  test("every fault is one line with the file and its line", () => {
    const { own, read: faulty } = read("colour = 1\n[servers.\u0041]\nport = 3\nprot = 4\n");
    const faults = faultsOf(faulty);
    expect(faults.map(({ code, message }) => `${code} ${message.replace(own, "")}`)).toEqual([
      "configuration /client.toml:1: colour: unknown setting",
      "configuration /client.toml:2: servers.A.host: is missing",
      "configuration /client.toml:4: servers.A.prot: unknown setting",
    ]);
  });

  test("what is no text, or far too large, is not read", () => {
    expect(faultsOf(read(Buffer.from([0xff, 0xfe, 0x61, 0])).read)[0]?.message).toEndWith(
      "it is UTF-16 text, and has to be saved as UTF-8",
    );
    expect(faultsOf(read(Buffer.from([0x61, 0xff])).read)[0]?.message).toEndWith(
      "it is no UTF-8 text, and has to be saved as UTF-8",
    );
    expect(faultsOf(read("#".repeat(300_000)).read)[0]?.message).toEndWith("at most 262144 are read");
  });
});
