// DYNC_HOME/client.toml: what it says, and everything that is wrong with it, each with its line.

import { describe, expect, test } from "bun:test";
import { readClientSettings } from "../../src/config/client-settings.ts";

describe("readClientSettings()", () => {
  test("reads a default and servers, with what is left out", () => {
    const text = [
      'default_server = "lab"',
      "[servers.lab]",
      'host = "Dync.Example.ORG"',
      "port = 9000",
      'server_key = "keys/lab.key"',
      "[servers.archive-2]",
      'host = "::1"',
    ].join("\r\n");
    const { settings, faults } = readClientSettings(text);
    expect(faults).toEqual([]);
    expect(settings.defaultServer).toBe("lab");
    expect([...settings.servers]).toEqual([
      ["lab", { host: "dync.example.org", port: 9000, serverKey: "keys/lab.key" }],
      ["archive-2", { host: "::1", port: 8889, serverKey: null }],
    ]);
  });

  test.each([
    ['default_server = "dync.example.org:9000"', "dync.example.org:9000"],
    ["# nothing", null],
    ["", null],
  ])("%j has the default %j", (text, server) => {
    expect(readClientSettings(text)).toEqual({
      settings: { defaultServer: server, servers: new Map() },
      faults: [],
    });
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
    ['\ndefault_sever = "a"', '2: Unknown key "default_sever" [did you mean "default_server"?]'],
    ["colour = 1", '1: Unknown key "colour" [known here: "default_server", "servers"]'],
    ["default_server = 3", '1: "default_server" needs a text, found 3'],
    ['default_server = ""', '1: "default_server" needs a text, found ""'],
    [
      'default_server = "tcp://lab:1"',
      '1: "default_server" needs a host name or an address, found "tcp://lab:1" [write lab:1]',
    ],
    ["servers = 3", '1: "servers" needs a table, found 3'],
    ["[[servers]]\nhost = 'a'", '1: "servers" needs a table, found a list'],
    [
      "[servers]\nlab = 'lab.example'",
      '2: "servers.lab" needs a table, found "lab.example" [write [servers.lab] and, below it, host = "HOST"]',
    ],
    [server, '1: The server "lab" has no host [add host = "HOST" below its name]'],
    [
      `${server}host = "lab:3"`,
      '2: "servers.lab.host" needs a host name without a port, found "lab:3" [write the port as port = NUMBER]',
    ],
    [
      `${server}host = "lab"\nport = "3"`,
      '3: "servers.lab.port" needs a whole number from 1 to 65535, found "3"',
    ],
    [
      `${server}host = "lab"\nport = 0`,
      '3: "servers.lab.port" needs a whole number from 1 to 65535, found 0',
    ],
    [
      `${server}host = "lab"\nserver_key = 2026-01-01`,
      '3: "servers.lab.server_key" needs a text, found a date',
    ],
    [`${server}host = "lab"\nhots = "lab"`, '3: Unknown key "hots" in "servers.lab" [did you mean "host"?]'],
    [
      "[servers.'the lab']\nhost = 'lab'",
      '1: The alias "the lab" is not one word [use letters, digits, dots, dashes and underscores, 64 at most]',
    ],
    ["__proto__ = 1", '1: Unknown key "__proto__" [known here: "default_server", "servers"]'],
    // Written in a way that a search for the key's text does not find.
    [
      `${server}"h\\u006fts" = 1\nhost = "lab"`,
      '2: Unknown key "hots" in "servers.lab" [did you mean "host"?]',
    ],
    // The same word stands before it, in a comment and within a longer key.
    [
      `# port\n${server}host = "port"\nport = ""`,
      '4: "servers.lab.port" needs a whole number from 1 to 65535, found ""',
    ],
  ];
  test.each(rows)("%j: %s", (text, expected) => {
    const said = readClientSettings(text).faults.map(
      ({ line, text: fault, hint }) => `${line}: ${fault}${hint === undefined ? "" : ` [${hint}]`}`,
    );
    expect(said).toEqual([expected]);
  });

  test("tells all faults at once, in the order of their lines, and keeps what is right", () => {
    const { settings, faults } = readClientSettings(
      ["[servers.a]", "host = 1", "prot = 2", "[servers.b]", 'host = "b"', "[servers.c]", "[bogus]"].join(
        "\n",
      ),
    );
    expect(faults.map(({ line }) => line)).toEqual([2, 3, 6, 7]);
    expect([...settings.servers.keys()]).toEqual(["b"]);
  });

  test("a default that names a faulty server is no second fault", () => {
    const { faults } = readClientSettings('default_server = "a b"\n[servers."a b"]\nhost = "lab"');
    expect(faults.map(({ line }) => line)).toEqual([2]);
  });
});
