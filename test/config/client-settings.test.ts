// DYNC_HOME/client.toml: what it says, and everything that is wrong with it, each with its line.

import { describe, expect, test } from "bun:test";
import { objectText } from "../../src/base/json-text.ts";
import { type ClientSettings, readClientSettings } from "../../src/config/client-settings.ts";

function settingsIn(text: string): ClientSettings {
  const reading = readClientSettings(text);
  if (!reading.ok) throw new Error(JSON.stringify(reading.faults));
  return reading.value;
}

function faultsIn(text: string): readonly string[] {
  const reading = readClientSettings(text);
  if (reading.ok) return [];
  return reading.faults.map(
    ({ line, member, text: fault, hint }) =>
      `${line}: ${member === "" ? "" : `${member}: `}${fault}${hint === undefined ? "" : ` [${hint}]`}`,
  );
}

describe("readClientSettings()", () => {
  test("reads a default and servers, with what is left out", () => {
    const text = [
      'default_server = "lab"',
      'limit = "Mon-Fri 08:00-18:00 5MB/s, 20MB/s"',
      "[servers.lab]",
      'host = "Dync.Example.ORG"',
      "port = 9000",
      'server_key = "keys/lab.key"',
      "jobs = 2",
      'retry_for = "90m"',
      'limit = "5MB/s"',
      'profile = "illumina"',
      "[servers.archive-2]",
      'host = "::1"',
    ].join("\r\n");
    const { defaultServer, limit, servers } = settingsIn(text);
    expect(defaultServer).toBe("lab");
    expect(limit).toMatchObject({ otherwise: 20e6, spans: [{ from: 480, to: 1080, rate: 5e6 }] });
    const lab = { host: "dync.example.org", port: 9000, serverKey: "keys/lab.key" };
    const none = {
      serverKey: null,
      jobs: null,
      retryForMs: null,
      limit: null,
      instrument: null,
      metadata: [],
    };
    const ofLab = servers.get("lab")?.limit ?? null;
    expect(ofLab?.text).toBe("5MB/s");
    expect([...servers]).toEqual([
      ["lab", { ...lab, jobs: 2, retryForMs: 5_400_000, limit: ofLab, instrument: "illumina", metadata: [] }],
      ["archive-2", { host: "::1", port: 8889, ...none }],
    ]);
  });

  test("a server may have several addresses, of which those without a port have the one of the table", () => {
    const text =
      '[servers.lab]\nhost = "A.example,b.example:9000"\nport = 7\n[servers.srv]\nhost = "_dync._tcp.lab.example"';
    const { servers } = settingsIn(text);
    expect(servers.get("lab")).toMatchObject({
      ...{ host: "a.example", port: 7 },
      alsoAt: [{ host: "b.example", port: 9000 }],
    });
    expect(servers.get("srv")).toMatchObject({ host: "_dync._tcp.lab.example", port: 8889 });
  });

  test.each([
    [
      'host = "a.example:9000"',
      '2: servers.lab.host: needs a host name without a port, found "a.example:9000"',
    ],
    [
      'host = "a.example, b.example"',
      '2: servers.lab.host: needs a host name or an address, found " b.example"',
    ],
    [
      'host = "_dync._tcp.x"\nport = 9',
      "3: servers.lab.port: is of no use [leave it away: SRV records have the port]",
    ],
  ])("refuses %s", (row, fault) => {
    const [found, ...others] = faultsIn(`[servers.lab]\n${row}`);
    expect(found).toStartWith(fault);
    expect(others).toEqual([]);
  });

  test("metadata become JSON, as they are written and in their order", () => {
    const text = [
      "[servers.lab]",
      'host = "lab"',
      "[servers.lab.metadata]",
      'operator = "A. \\"Meyer\\""',
      "room = 7",
      "blank = false",
      'tags = ["a", "b"]',
      'place = { "building" = "C", floor = -1 }',
    ].join("\n");
    const { metadata = [] } = settingsIn(text).servers.get("lab") ?? {};
    expect(objectText(metadata)).toBe(
      '{"operator":"A. \\"Meyer\\"","room":7,"blank":false,"tags":["a","b"],"place":{"building":"C","floor":-1}}',
    );
  });

  test.each([
    ['default_server = "dync.example.org:9000"', "dync.example.org:9000"],
    ["# nothing", null],
    ["", null],
  ])("%j has the default %j", (text, server) => {
    expect(settingsIn(text)).toEqual({ defaultServer: server, limit: null, servers: new Map() });
  });

  const server = "[servers.lab]\n";
  const rows: readonly (readonly [string, string])[] = [
    [
      "x = 64MiB",
      '1: illegal character in numeric literal: x = 64MiB [all but plain numbers, true and false stands in quotes: "64MiB"]',
    ],
    ["x", "1: incomplete key-value: cannot find end of key: x"],
    [
      'default_server = "a"\n\ndefault_server = "b"',
      '3: trying to redefine an already defined table or value: default_server = "b" [take one of the two out]',
    ],
    ['\ndefault_sever = "a"', '2: default_sever: unknown setting [did you mean "default_server"?]'],
    ["colour = 1", '1: colour: unknown setting [known here: "default_server", "limit", "servers"]'],
    ["default_server = 3", "1: default_server: needs a text, found 3"],
    ['limit = "20"', '1: limit: needs at least 10kB/s, found "20"'],
    [
      "limit = 20",
      '1: limit: needs a rate, found 20 [write "20MB/s", or "Mon-Fri 08:00-18:00 5MB/s, 20MB/s"]',
    ],
    ['default_server = ""', '1: default_server: needs a text, found ""'],
    [
      'default_server = "tcp://lab:1"',
      '1: default_server: needs the name of a server below, or a host name or an address, found "tcp://lab:1" [write lab:1]',
    ],
    ["servers = 3", '1: servers: needs tables, found 3 [write [servers.ALIAS] and, below it, host = "HOST"]'],
    [
      "[[servers]]\nhost = 'a'",
      '1: servers: needs tables, found a list [write [servers.ALIAS] and, below it, host = "HOST"]',
    ],
    [
      "[servers]\nlab = 'lab.example'",
      '1: servers: needs tables, found lab = "lab.example" [write [servers.ALIAS] and, below it, host = "HOST"]',
    ],
    [server, "1: servers.lab.host: is missing"],
    [
      `${server}host = "lab:3"`,
      '2: servers.lab.host: needs a host name without a port, found "lab:3" [write the port as port = NUMBER]',
    ],
    [
      `${server}host = "lab"\nport = "3"`,
      '3: servers.lab.port: needs a whole number from 1 to 65535, found "3" [write it without quotes]',
    ],
    [`${server}host = "lab"\nport = 0`, "3: servers.lab.port: needs a whole number from 1 to 65535, found 0"],
    [
      `${server}host = "lab"\nserver_key = 2026-01-01`,
      "3: servers.lab.server_key: needs a text, found a date",
    ],
    [`${server}host = "lab"\nhots = "lab"`, '3: servers.lab.hots: unknown setting [did you mean "host"?]'],
    [`${server}host = "lab"\njobs = 65`, "3: servers.lab.jobs: needs a whole number from 1 to 64, found 65"],
    [
      `${server}host = "lab"\nretry_for = 3`,
      "3: servers.lab.retry_for: needs a duration, found 3 [write a number with a unit: 90s, 15m, 24h, 7d]",
    ],
    [
      `${server}host = "lab"\nmetadata = { run = 1.5 }`,
      "3: servers.lab.metadata: needs texts, whole numbers, true, false, and lists and tables of these, found run = 1.5 [write it as a text, or give it with -m or -k, where every digit stays]",
    ],
    [`${server}host = "lab"\nmetadata = "x"`, '3: servers.lab.metadata: needs a table of fields, found "x"'],
    [
      `${server}host = "lab"\nmetadata = { _dync = "x" }`,
      "3: servers.lab.metadata: needs good metadata, found this: Metadata field _dync is reserved, choose another name",
    ],
    [
      "[servers.'the lab']\nhost = 'lab'",
      '1: servers."the lab": the alias is not one word [use letters, digits, dots, dashes and underscores, 64 at most]',
    ],
    ["__proto__ = 1", '1: __proto__: unknown setting [known here: "default_server", "limit", "servers"]'],
    // Written in a way that a search for the key's text does not find.
    [
      `${server}"h\\u006fts" = 1\nhost = "lab"`,
      '2: servers.lab.hots: unknown setting [did you mean "host"?]',
    ],
    // The same word stands before it, in a comment and within a longer key.
    [
      `# port\n${server}host = "port"\nport = ""`,
      '4: servers.lab.port: needs a whole number from 1 to 65535, found ""',
    ],
  ];
  test.each(rows)("%j: %s", (text, expected) => {
    expect(faultsIn(text)).toEqual([expected]);
  });

  test("tells all faults at once, in the order of their lines", () => {
    const text = [
      "[servers.a]",
      "host = 1",
      "prot = 2",
      "[servers.b]",
      'host = "b"',
      "[servers.c]",
      "[bogus]",
    ];
    expect(faultsIn(text.join("\n")).map((it) => Number.parseInt(it, 10))).toEqual([2, 3, 6, 7]);
  });

  test("a default that names a faulty server is no second fault", () => {
    expect(faultsIn('default_server = "a b"\n[servers."a b"]\nhost = "lab"')).toHaveLength(1);
  });
});
