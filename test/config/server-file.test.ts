// server.toml: what it says, everything that is wrong with it, each with its line, and the example.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { conditionKinds } from "../../src/alarms/alarm.ts";
import { right } from "../../src/config/parsed.ts";
import { type RuleRow, usersOf } from "../../src/config/rules-table.ts";
import { exampleText } from "../../src/config/server-example.ts";
import { readServerFile } from "../../src/config/server-file.ts";
import { readServerSettings, serverSettings } from "../../src/config/server-settings.ts";
import { choices, counts, readInFile } from "../../src/config/setting.ts";
import { checkFile, member, table } from "../../src/config/table.ts";
import { readToml } from "../../src/config/toml.ts";
import type { LimitEntry } from "../../src/rules/user-limits.ts";
import { faultsIn, read } from "./faults-in.ts";

const size = "write a number of bytes or a number with a unit: 256MiB, 1G, 500MB";
const duration = "write a number with a unit: 90s, 15m, 24h, 7d";
const quotes = 'all but plain numbers, true and false stands in quotes: "64MiB"';

describe("readServerFile()", () => {
  test("reads values of every kind", () => {
    const text = [
      'data = "incoming" # below the folder of the file',
      "bind = '::1'",
      "port = 0",
      'memory = "1G"',
      "chunk = 65536",
      'idle-timeout = "1h30m"',
      "trust-user-ids = true",
      'log-level = "debug"',
    ].join("\r\n");
    const reading = read(`\ufeff${text}`);
    expect(reading).toMatchObject({
      ok: true,
      value: {
        settings: {
          data: "/etc/dync/incoming",
          bind: "::1",
          port: 0,
          memory: 1024 ** 3,
          chunk: 65536,
          "idle-timeout": 5_400_000,
          "trust-user-ids": true,
          "log-level": "debug",
        },
      },
    });
    expect(reading.ok && reading.lineOf(["chunk"])).toBe(5);
  });

  test.each(["", "# nothing", "\n\n", "\ufeff"])("%j says nothing", (text) => {
    expect(read(text)).toMatchObject({ ok: true, value: { settings: {} } });
  });

  const rows: readonly (readonly [string, string])[] = [
    // Names.
    ["data_dir = 'x'", '1: data_dir: unknown setting [did you mean "data"?]'],
    ["\n\nport_number = 1", '3: port_number: unknown setting [did you mean "port"?]'],
    ["MAX_UPLOADS = 1", '1: MAX_UPLOADS: unknown setting [did you mean "max-uploads"?]'],
    ["idle = '1m'", '1: idle: unknown setting [did you mean "idle-timeout"?]'],
    ["colour = 1", '1: colour: unknown setting ["dync-server config example" has all that are known]'],
    ["[server]\nport = 1", '1: server: unknown setting [what stands in it is written without "[server]"]'],
    ["log.level = 'info'", '1: log: unknown setting [did you mean "log-format"?]'],
    ["[[clientz]]", '1: clientz: unknown setting ["dync-server config example" has all that are known]'],
    [
      "constructor = 1",
      '1: constructor: unknown setting ["dync-server config example" has all that are known]',
    ],
    ["__proto__ = 1", '1: __proto__: unknown setting ["dync-server config example" has all that are known]'],
    [
      '"\\u001b[31m" = 1',
      '1: "\\u001b[31m": unknown setting ["dync-server config example" has all that are known]',
    ],
    // Types.
    [
      "port = '8889'",
      '1: port: needs a whole number from 0 to 65535, found "8889" [write it without quotes]',
    ],
    ["port = 'x'", '1: port: needs a whole number from 0 to 65535, found "x"'],
    ["port = true", "1: port: needs a whole number from 0 to 65535, found true"],
    ["port = 8889.5", "1: port: needs a whole number from 0 to 65535, found 8889.5"],
    ["port = nan", "1: port: needs a whole number from 0 to 65535, found NaN"],
    ["[port]\nx = 1", "1: port: needs a whole number from 0 to 65535, found a table"],
    ["data = 1", "1: data: needs a path, found 1"],
    ["data = ''", '1: data: needs a path, found ""'],
    ['data = "a\\u0000"', '1: data: needs a path, found "a\\u0000"'],
    ["data = ['/a', '/b']", "1: data: needs a path, found a list"],
    ["trust-user-ids = 'yes'", '1: trust-user-ids: needs true or false, found "yes"'],
    [
      "trust-user-ids = 'true'",
      '1: trust-user-ids: needs true or false, found "true" [write it without quotes]',
    ],
    ["trust-user-ids = 1", "1: trust-user-ids: needs true or false, found 1"],
    ["expire = 2026-01-01", `1: expire: needs a duration, found a date [${duration}]`],
    // Values.
    ["port = 65536", "1: port: needs a whole number from 0 to 65535, found 65536"],
    ["port = -1", "1: port: needs a whole number from 0 to 65535, found -1"],
    ["max-uploads = 0", "1: max-uploads: needs a whole number from 1 to 100000, found 0"],
    ["memory = '64 megs'", `1: memory: needs a size, found "64 megs" [${size}]`],
    ["memory = 1.5", `1: memory: needs a size, found 1.5 [${size}]`],
    ["memory = -1", `1: memory: needs a size, found -1 [${size}]`],
    ["chunk = '17MiB'", '1: chunk: needs from 1024 to 16777216 bytes, found "17MiB"'],
    ["expire = 7", `1: expire: needs a duration, found 7 [${duration}]`],
    ["expire = '7 days'", `1: expire: needs a duration, found "7 days" [${duration}]`],
    ["idle-timeout = '1s'", '1: idle-timeout: needs at least 40s, found "1s"'],
    [
      "bind = '192.0.2.256'",
      '1: bind: needs an address of this machine, found "192.0.2.256" [* stands for all of them]',
    ],
    [
      "bind = '[::1]:8889'",
      '1: bind: needs an address of this machine, found "[::1]:8889" [the port is a setting of its own]',
    ],
    ["bind = 'a b'", '1: bind: needs an address of this machine, found "a b" [* stands for all of them]'],
    ["log-format = 'xml'", '1: log-format: needs one of "text", "json", found "xml"'],
    ["datasets = 'Plain'", '1: datasets: needs one of "plain", "bagit", found "Plain"'],
    // The language.
    [
      "port = 1\nport = 2",
      "2: trying to redefine an already defined table or value: port = 2 [take one of the two out]",
    ],
    ["memory = 64MiB", `1: illegal character in numeric literal: memory = 64MiB [${quotes}]`],
    ["expire = 7d", `1: illegal character in numeric literal: expire = 7d [${quotes}]`],
    ["data = /srv", `1: invalid value: data = /srv [${quotes}]`],
    [
      'data = "C:\\dync"',
      `1: unrecognised escape sequence: data = "C:\\dync" [in '…' a backslash stands for itself]`,
    ],
    ["port = ", `1: invalid value: port = [${quotes}]`],
    ["port 8889", "1: illegal character in key: port 8889"],
    ["port: 8889", "1: illegal character in key: port: 8889"],
    ["# a\n[port", "2: incomplete key-value: cannot find end of key: [port"],
    ["data = '/srv", "1: unfinished string: data = '/srv"],
    [
      "port = 1 bind = '*'",
      "1: each key-value declaration must be followed by an end-of-line: port = 1 bind = '*'",
    ],
    [
      "port = 99999999999999999999",
      "1: integer value cannot be represented losslessly: port = 99999999999999999999",
    ],
    ["port = 1\0", `1: illegal character in numeric literal: port = 1\0 [${quotes}]`],
  ];
  test.each(rows)("%j", (text, expected) => {
    expect(faultsIn(read(text))).toEqual([expected]);
    expect(faultsIn(read(text.replaceAll("\n", "\r\n")))).toEqual([expected]);
  });

  test("tells all that is wrong, in the order of the lines", () => {
    const text = "prot = 1\nport = 'x'\n\nmemory = true\n[limits]\nport = 1";
    expect(faultsIn(read(text)).map((it) => it.split(":", 2).join(":"))).toEqual([
      "1: prot",
      "2: port",
      "4: memory",
      "5: limits",
    ]);
  });

  test("of very many faults it tells the first, and how many more there are", () => {
    const text = Array.from({ length: 20_000 }, (_, at) => `k${at} = ${at}`).join("\n");
    const faults = faultsIn(read(text));
    expect(faults).toHaveLength(101);
    expect(faults[99]).toStartWith("100: k99: unknown setting");
    expect(faults.at(-1)).toBe("101: and 19900 more mistakes");
  });

  test("shows no more of a long value than fits", () => {
    expect(faultsIn(read(`port = "${"x".repeat(100_000)}"`))[0]?.length).toBeLessThan(600);
    expect(faultsIn(read(`port = ${"x".repeat(100_000)}`))[0]?.length).toBeLessThan(700);
  });
});

describe("a table beside the settings", () => {
  const count = counts(1, 9);
  const schema = table({
    groups: v.optional(
      v.record(
        v.string(),
        table({
          members: v.array(member(right)),
          most: v.optional(member((it) => readInFile({ kind: count }, it))),
        }),
      ),
    ),
    rules: v.optional(
      v.array(table({ name: member((it) => readInFile({ kind: choices("WORD", ["a", "b"]) }, it)) })),
    ),
  });
  const faults = (text: string) => faultsIn(checkFile(readToml(text), schema));

  test("is read, with those in it", () => {
    const text = "[groups.lab]\nmembers = ['x', 2]\n[[rules]]\nname = 'a'\n[[rules]]\nname = 'b'";
    expect(checkFile(readToml(text), schema)).toMatchObject({
      value: { groups: { lab: { members: ["x", 2] } }, rules: [{ name: "a" }, { name: "b" }] },
    });
  });

  const rows: readonly (readonly [string, string])[] = [
    ["rules = 1", "1: rules: needs a list, found 1"],
    ["[rules]\nname = 'a'", "1: rules: needs a list, found a table"],
    ["rules = [{ name = 'a' },\n 3]", "2: rules[2]: needs a table, found 3"],
    ["[[rules]]\nname = 'a'\n[[rules]]\nname = 'c'", '4: rules[2].name: needs one of "a", "b", found "c"'],
    ["[[rules]]", "1: rules[1].name: is missing"],
    ["[[rules]]\nname = 'a'\nnam = 1", '3: rules[1].nam: unknown setting [did you mean "name"?]'],
    ["[groups]\nlab = 1", "2: groups.lab: needs a table, found 1"],
    [
      "[groups.'a lab']\nmembers = []\nmost = 10",
      '3: groups."a lab".most: needs a whole number from 1 to 9, found 10',
    ],
    ["[groups.lab]\nmembers = 'x'", '2: groups.lab.members: needs a list, found "x"'],
    ["x = 1", '1: x: unknown setting [known here: "groups", "rules"]'],
  ];
  test.each(rows)("%j", (text, expected) => {
    expect(faults(text)).toEqual([expected]);
  });
});

test("what doc/operations.md shows of a file is one", () => {
  const page = readFileSync(join(import.meta.dir, "../../doc/operations.md"), "utf8");
  const blocks = [...page.matchAll(/```toml\n(.*?)```/gs)].map(([, text]) => text as string);
  expect(blocks.length).toBeGreaterThan(0);
  for (const text of blocks) expect(faultsIn(read(text))).toEqual([]);
});

describe("the example", () => {
  const rows = Object.values(serverSettings);

  test("says nothing, and fits 80 columns", () => {
    expect(read(exampleText())).toMatchObject({ ok: true, value: { settings: {} } });
    for (const line of exampleText().split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("has every setting once, and without the # each has its default", () => {
    const [text] = exampleText()
      .replace(/^#(?=[a-z])/gm, "")
      .split("# ---- Which uploads") as [string];
    const reading = readServerFile(text, "/home");
    if (!reading.ok) throw new Error(faultsIn(reading).join("\n"));
    const { settings } = reading.value;
    expect(Object.keys(settings).toSorted()).toEqual(rows.map(({ name }) => name).toSorted());
    const { process, rules, faults } = readServerSettings({ file: settings });
    const defaults = readServerSettings({});
    expect(faults).toEqual([]);
    expect(process).toEqual({ ...defaults.process, dataFolder: "/home/data" });
    expect(rules).toEqual(defaults.rules);
  });

  test("has a rule, an entry of limits, hooks and every kind of alarm, with everything that one may have", () => {
    const [, text] = exampleText().split("# ---- Which uploads") as [string, string];
    const reading = readServerFile(`#${text.replace(/^#(?=[a-z[])/gm, "")}`, "/home");
    if (!reading.ok) throw new Error(faultsIn(reading).join("\n"));
    const { rules, groups, limits, hooks, alarms } = reading.value;
    expect(Object.keys(groups)).toEqual(["mass-spec"]);
    const [entry] = limits as readonly [LimitEntry];
    expect(limits).toHaveLength(1);
    expect(entry).toMatchObject({ name: "instruments", uploadBytes: 2 * 1024 ** 4, uploads: 50 });
    expect(Object.values(entry)).not.toContain(undefined);
    expect(hooks).toMatchObject([
      { name: "lims", event: "before", timeout: 10_000, "on-failure": "refuse" },
      { name: "index", command: ["/usr/local/bin/index-run", "fast"], timeout: 60_000, "at-once": 4 },
      { name: "operators", event: "alarm", mail: ["data@example.org"], sendmail: "/usr/sbin/sendmail" },
    ]);
    expect(alarms.map(({ condition }) => condition.when)).toEqual([...conditionKinds]);
    expect(rules).toMatchObject([{ name: "mass spectrometry", schema: "/home/ms.schema.json" }]);
    expect(usersOf(rules?.[0] as RuleRow, groups)?.length).toBe(2);
  });
});

describe("rules", () => {
  const rules = (text: string) => {
    const reading = read(text);
    return reading.ok ? reading.value.rules : faultsIn(reading);
  };

  test("have conditions, with groups of users, and paths that begin at the file", () => {
    const reading = read(`
      [groups]
      ms = ["meyer", "lab-*"]
      [[rules]]
      name = "ms"
      users = ["anna"]
      groups = ["ms"]
      files = ["*.raw"]
      datasets = false
      metadata = { "instrument.kind" = ["ms", 3], old = false }
      schema = "schemas/ms.json"
      [[rules]]
      name = "everything else"
    `);
    if (!reading.ok) throw new Error(faultsIn(reading).join("\n"));
    const [ms, rest] = reading.value.rules as readonly [RuleRow, RuleRow];
    expect(ms).toMatchObject({ name: "ms", datasets: false, schema: "/etc/dync/schemas/ms.json" });
    expect(ms.metadata).toEqual(
      new Map<string, readonly (string | number | boolean)[]>([
        ["instrument.kind", ["ms", 3]],
        ["old", [false]],
      ]),
    );
    const isFor = (user: string) => usersOf(ms, reading.value.groups)?.some((matches) => matches(user));
    expect(["anna", "meyer", "lab-7", "LAB-7", "bert"].map(isFor)).toEqual([true, true, true, false, false]);
    expect(usersOf(rest, reading.value.groups)).toBe(undefined);
    expect(ms.files?.some(({ matches }) => matches("A.RAW"))).toBe(true);
  });

  test("that are written otherwise are others", () => {
    const textOf = (text: string) => {
      const reading = read(text);
      return reading.ok ? reading.value.rulesText : null;
    };
    expect(textOf('port = 1\n[[rules]]\nname = "a"')).toBe(textOf("# x\n[[rules]]\nname = 'a'"));
    expect(textOf('[[rules]]\nname = "a"')).not.toBe(textOf('[[rules]]\nname = "a"\ndatasets = true'));
  });

  const named = '[[rules]]\nname = "a"\n';
  const sidecars =
    '["sha256", "meta.json"], which lie beside every file, or ["sha256", "meta.json", "marker"]';
  const permissions = 'permissions as "0640": the owner may read, and nobody may execute';
  const wanted = 'a list of patterns for users: ["a*", "/^b[0-9]+$/"]';
  const fields = 'fields with the values that they may have: { "instrument.kind" = ["ms", "/^nmr/"] }';
  const faulty: readonly (readonly [string, readonly string[]])[] = [
    ["rules = 3", ["1: rules: needs a list, found 3"]],
    ["[rules]\nname = 'a'", ["1: rules: needs a list, found a table"]],
    ["[[rules]]\nusers = ['a']", ["1: rules[1].name: is missing"]],
    ["[[rules]]\nname = ''", ['2: rules[1].name: needs a text of 1 to 80 characters, found ""']],
    [`${named}user = ['a']`, ['3: rules[1].user: unknown setting [did you mean "users"?]']],
    [`${named}users = 'a'`, [`3: rules[1].users: needs ${wanted}, found "a"`]],
    [`${named}users = []`, [`3: rules[1].users: needs ${wanted}, found a list`]],
    [`${named}users = [3]`, [`3: rules[1].users: needs ${wanted}, found a list`]],
    [
      `${named}users = ['/(/']`,
      [
        `3: rules[1].users: needs ${wanted}, found "/(/", which is no regular expression of RE2's syntax: missing closing ): \`(?s)(\``,
      ],
    ],
    [`${named}datasets = 'no'`, ['3: rules[1].datasets: needs true or false, found "no"']],
    [
      `${named}untar = "true"`,
      ['3: rules[1].untar: needs true or false, found "true" [write it without quotes]'],
    ],
    [
      `${named}sidecars = ['sha256', 'marker']`,
      [`3: rules[1].sidecars: needs ${sidecars}, found a list without "meta.json"`],
    ],
    [`${named}sidecars = ['md5']`, [`3: rules[1].sidecars: needs ${sidecars}, found "md5"`]],
    [`${named}sidecars = 'marker'`, [`3: rules[1].sidecars: needs ${sidecars}, found "marker"`]],
    [`${named}mode = 640`, [`3: rules[1].mode: needs ${permissions}, found 640`]],
    [`${named}mode = "0755"`, [`3: rules[1].mode: needs ${permissions}, found "0755"`]],
    [`${named}mode = "0240"`, [`3: rules[1].mode: needs ${permissions}, found "0240"`]],
    [
      `${named}group = -1`,
      ["3: rules[1].group: needs the name or the number of a group of this system, found -1"],
    ],
    [
      `${named}group = "a:b"`,
      ['3: rules[1].group: needs the name or the number of a group of this system, found "a:b"'],
    ],
    [`${named}names = 'any'`, ['3: rules[1].names: needs "portable" or "posix", found "any"']],
    [
      `${named}existing = 'overwrite'`,
      ['3: rules[1].existing: needs "refuse" or "number" or "identical", found "overwrite"'],
    ],
    [`${named}on-refusal = 'keep'`, ['3: rules[1].on-refusal: needs "refuse" or "hold", found "keep"']],
    [`${named}layout = 'zip'`, ['3: rules[1].layout: needs "plain" or "bagit" or "openbis", found "zip"']],
    [
      `${named}path = 3`,
      ['3: rules[1].path: needs a path below the data folder: "{user}/{date:%Y}/{name}", found 3'],
    ],
    [
      `${named}path = '../{name}'`,
      [
        '3: rules[1].path: needs a path below the data folder: "{user}/{date:%Y}/{name}", found "../{name}", which has a part ".." that starts with a dot',
      ],
    ],
    [`${named}schema = 3`, ["3: rules[1].schema: needs the path of a JSON Schema, found 3"]],
    [`${named}metadata = 'x'`, [`3: rules[1].metadata: needs ${fields}, found "x"`]],
    [`${named}metadata = {}`, [`3: rules[1].metadata: needs ${fields}, found an empty table`]],
    [`${named}metadata = { a = [] }`, [`3: rules[1].metadata: needs ${fields}, found a = a list`]],
    [`${named}metadata = { a = { b = 1 } }`, [`3: rules[1].metadata: needs ${fields}, found a = a table`]],
    [
      `${named}groups = ['ms']`,
      ['3: rules[1].groups: needs names of [groups], and there are none; found "ms"'],
    ],
    [
      `[groups]\nnmr = ['a']\n${named}groups = ['ms']`,
      ['5: rules[1].groups: needs names of [groups], known are "nmr"; found "ms"'],
    ],
    ["[groups]\nms = 'a'", [`2: groups.ms: needs ${wanted}, found "a"`]],
    [`${named}\n${named}`, ["5: rules[2].name: needs a name of its own, found that of rules[1]"]],
  ];
  test.each(faulty)("%j", (text, faults) => {
    expect(rules(text) as readonly string[]).toEqual(faults);
  });
});
