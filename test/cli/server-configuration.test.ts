// The server's configuration of options, variables and a file: which of them counts, and what is wrong with what.

import { afterAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import fc from "fast-check";
import type { DyncError } from "../../src/base/error.ts";
import { faultsOf } from "../../src/cli/command-line-error.ts";
import { readConfiguration, settingRows, variableOf } from "../../src/cli/dync-server/configuration.ts";
import { checkConfigurationFile } from "../../src/cli/dync-server/configuration-files.ts";
import { serverSettings } from "../../src/config/server-settings.ts";
import { readInFile, type Setting, writeInFile } from "../../src/config/setting.ts";
import { tempFolder } from "../support/temp-folder.ts";

const folder = await tempFolder();
afterAll(async () => await folder[Symbol.asyncDispose]());

const isWindows = process.platform === "win32";
const isRoot = process.getuid?.() === 0;

/** A home with that file in it. */
function homeWith(text: string | Uint8Array | null): string {
  const home = mkdtempSync(folder.file("home-"));
  if (text !== null) writeFileSync(join(home, "server.toml"), text);
  return home;
}

interface Said {
  readonly options?: Readonly<Record<string, string>>;
  readonly variables?: Readonly<Record<string, string>>;
  readonly file?: string | null;
  readonly text?: string | Uint8Array | null;
}

function readIn(home: string, { options = {}, variables = {}, file = null }: Said) {
  return readConfiguration({ file, settings: options }, { DYNC_HOME: home, ...variables });
}

/** What `read` rejects with, as a list. */
async function faultsBehind(read: () => Promise<unknown>): Promise<readonly DyncError[]> {
  const error = await read().then(
    () => null,
    (cause) => cause,
  );
  return faultsOf(() => {
    if (error !== null) throw error;
  });
}

/** "CODE MESSAGE [HINT]" for each fault, with the home as "~". */
async function faultsIn(said: Said): Promise<readonly string[]> {
  const home = homeWith(said.text ?? null);
  return (await faultsBehind(() => readIn(home, said))).map(
    ({ code, message, hint }) =>
      `${code} ${message.replaceAll(home, "~")}${hint === undefined ? "" : ` [${hint}]`}`,
  );
}

/** Values that a setting may have. */
const valuesOf: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  data: fc.constantFrom("/srv/a", "/srv/b c", "/srv/ä"),
  // Without another one than the default what the others say is a fault.
  storage: fc.constant(null),
  "s3-endpoint": fc.constant(null),
  "s3-region": fc.constantFrom("us-east-1", "default"),
  "s3-addressing": fc.constantFrom("auto", "path", "host"),
  "s3-credentials": fc.constant(null),
  "s3-ca": fc.constant(null),
  "s3-memory": fc.integer({ min: 64 * 1024 ** 2, max: 2 ** 40 }),
  threads: fc.option(fc.integer({ min: 0, max: 256 })),
  catalogue: fc.constantFrom(null, { url: "postgres://dync@db.example/dync?sslmode=verify-full" }),
  "catalogue-password-file": fc.constantFrom(null, "/etc/password"),
  "catalogue-timeout": fc.integer({ min: 1000, max: 10 ** 9 }),
  bind: fc.constantFrom("*", "::1", "127.0.0.1", "eth0"),
  port: fc.nat(65535),
  "io-threads": fc.constantFrom(null, 1, 64),
  memory: fc.option(fc.integer({ min: 16 * 1024 ** 2, max: 2 ** 40 })),
  chunk: fc.integer({ min: 1024, max: 16 * 1024 ** 2 }),
  window: fc.integer({ min: 1, max: 8 }),
  "window-max": fc.integer({ min: 0, max: 2 ** 40 }),
  "max-metadata": fc.integer({ min: 2 ** 20, max: 2 ** 40 }),
  datasets: fc.constantFrom("plain", "bagit"),
  http: fc.constantFrom(null, { host: "127.0.0.1", port: 8890 }, { host: "::1", port: 0 }),
  // One of the two is a fault without the other.
  "http-certificate": fc.constant(null),
  "http-key": fc.constant(null),
  "http-metrics-token": fc.constantFrom(null, "/etc/token"),
  "http-plain": fc.boolean(),
  // It wants another one.
  downloads: fc.constant(null),
  "public-url": fc.constantFrom(null, "https://lab.example/dync"),
  "public-address": fc.constantFrom(null, { host: "::1", port: null }, { host: "lab.example", port: 9000 }),
  "idle-timeout": fc.integer({ min: 40_000, max: 10 ** 9 }),
  expire: fc.integer({ min: 1000, max: 10 ** 9 }),
  remember: fc.integer({ min: 1000, max: 10 ** 12 }),
  "forget-instruments": fc.integer({ min: 1000, max: 10 ** 12 }),
  "trust-user-ids": fc.boolean(),
  "log-format": fc.constantFrom("text", "json"),
  "log-file": fc.constantFrom(null, "/var/log/a", "/var/log/b c"),
  profile: fc.constantFrom(null, "/run/profile.json"),
  "log-level": fc.constantFrom("debug", "info", "warn", "error"),
};

test("option over variable over file over default, for every setting", async () => {
  const home = homeWith(null);
  const keyOf = new Map(Object.entries(serverSettings).map(([key, { name }]) => [name, key]));
  const value = (name: string) => valuesOf[name] ?? fc.integer({ min: 1, max: 1000 });
  const said = fc.record(
    Object.fromEntries(
      settingRows.map(({ name }) => [
        name,
        fc.record({ option: value(name), variable: value(name), file: value(name) }, { requiredKeys: [] }),
      ]),
    ),
  );
  const rows: ReadonlyMap<string, Setting<unknown>> = new Map(settingRows.map((it) => [it.name, it]));
  await fc.assert(
    fc.asyncProperty(said, async (all) => {
      const options: Record<string, string> = {};
      const variables: Record<string, string> = {};
      const lines: string[] = [];
      for (const [name, by] of Object.entries(all)) {
        const row = rows.get(name) as Setting<unknown>;
        if (by.option !== undefined) options[name] = row.kind.write(by.option);
        if (by.variable !== undefined) variables[variableOf(name)] = row.kind.write(by.variable);
        if (by.file !== undefined) lines.push(`${name} = ${writeInFile(row, by.file)}`);
      }
      writeFileSync(join(home, "server.toml"), lines.join("\n"));
      const configuration = await readIn(home, { options, variables });
      const values: Record<string, unknown> = { ...configuration.settings, ...configuration.rules };
      for (const [name, by] of Object.entries(all)) {
        const byDefault = name === "data" ? join(home, "data") : rows.get(name)?.default;
        const origin = (["option", "variable", "file"] as const).find((it) => by[it] !== undefined);
        const expected = origin === undefined ? byDefault : by[origin];
        expect([name, values[keyOf.get(name) ?? ""]]).toEqual([name, expected]);
        expect(configuration.origins.get(name)).toBe(origin ?? "default");
        if (by.file !== undefined) expect(lines[configuration.lineOf(name) - 1]).toStartWith(`${name} = `);
      }
    }),
    { numRuns: 200 },
  );
});

test("what a file writes of any value is read as that value", async () => {
  for (const row of settingRows) {
    fc.assert(
      fc.property(valuesOf[row.name] ?? fc.integer({ min: 1, max: 1000 }), (value) => {
        const parsed = readInFile(
          row,
          (Bun.TOML.parse(`x = ${writeInFile(row, value)}`) as { x: unknown }).x,
        );
        expect(parsed).toEqual({ ok: true, value });
      }),
    );
  }
});

describe("where paths begin", () => {
  test("the data folder: at the file's folder, at the current one, or at home", async () => {
    const home = homeWith('data = "in/coming"');
    expect((await readIn(home, {})).settings.dataFolder).toBe(join(home, "in/coming"));
    expect((await readIn(home, { options: { data: "x" } })).settings.dataFolder).toBe(resolve("x"));
    expect((await readIn(home, { variables: { DYNC_SERVER_DATA: "y" } })).settings.dataFolder).toBe(
      resolve("y"),
    );
    expect((await readIn(homeWith(null), {})).settings.dataFolder).toEndWith(`${sep}data`);
  });

  test("the log's file: at the file's folder or at the current one, where there is one at all", async () => {
    const home = homeWith('log-file = "log.json"');
    expect((await readIn(home, {})).settings.logFile).toBe(join(home, "log.json"));
    expect((await readIn(home, { options: { "log-file": "none" } })).settings.logFile).toBeNull();
    expect((await readIn(home, { options: { "log-file": "./none" } })).settings.logFile).toBe(
      resolve("none"),
    );
    expect((await readIn(homeWith('log-file = "none"'), {})).settings.logFile).toBeNull();
  });

  test("a file that is named counts instead of the one at home", async () => {
    const home = homeWith("port = 1");
    const other = folder.file("other.toml");
    writeFileSync(other, "window = 2");
    const { settings, file } = await readIn(home, { file: other });
    expect([settings.port, settings.windowChunks, file]).toEqual([8889, 2, other]);
  });
});

describe("what is wrong", () => {
  const rows: readonly (readonly [Said, readonly string[]])[] = [
    [
      { text: "port = 'x'" },
      ['configuration ~/server.toml:1: port: needs a whole number from 0 to 65535, found "x"'],
    ],
    [
      {
        text: "prot = 1\n\nwindow = 0",
        variables: { DYNC_SERVER_PORT: "tcp://10.0.0.1:8889" },
        options: { chunk: "1" },
      },
      [
        'configuration ~/server.toml:1: prot: unknown setting; did you mean "port"?',
        "configuration ~/server.toml:3: window: needs a whole number from 1 to 4096, found 0",
        'usage Variable DYNC_SERVER_PORT needs a whole number from 0 to 65535, found "tcp://10.0.0.1:8889"',
        'usage Option "--chunk" needs from 1024 to 16777216 bytes, found 1',
      ],
    ],
    // Wrong in itself, whatever goes over it.
    [
      { text: "port = 'x'", options: { port: "1" } },
      ['configuration ~/server.toml:1: port: needs a whole number from 0 to 65535, found "x"'],
    ],
    // Right in itself, and wrong beside another: who chose it hears it.
    [
      { text: "# a\nmemory = '1MiB'", options: { chunk: "2MiB" } },
      ["configuration ~/server.toml:2: memory: needs at least one chunk, 2097152 bytes, found 1048576"],
    ],
    [
      { text: "chunk = '2MiB'", options: { memory: "1MiB" } },
      ['usage Option "--memory" needs at least one chunk, 2097152 bytes, found 1048576'],
    ],
    [{ text: "chunk = '1KiB'", options: { memory: "1MiB" } }, []],
    [
      { text: "port = 1\u001b[31m" },
      [
        'configuration ~/server.toml:1: illegal character in numeric literal: port = 1\\u{1b}[31m; all but plain numbers, true and false stands in quotes: "64MiB"',
      ],
    ],
    [
      { text: Buffer.from("port = 1 # \xe9", "latin1") },
      ["configuration Cannot read ~/server.toml: it is no UTF-8 text, and has to be saved as UTF-8"],
    ],
    [
      { text: Buffer.from("\ufeffport = 1", "utf16le") },
      ["configuration Cannot read ~/server.toml: it is UTF-16 text, and has to be saved as UTF-8"],
    ],
    [
      { text: `#${"x".repeat(1024 * 1024)}` },
      ["configuration Cannot read ~/server.toml: it has 1048577 bytes, at most 1048576 are read"],
    ],
    [
      { file: "/gone/server.toml" },
      [
        'configuration There is no configuration file /gone/server.toml ["dync-server config example" prints one]',
      ],
    ],
    [
      { variables: { DYNC_SERVER_TRUST_USER_IDS: "maybe" } },
      ['usage Variable DYNC_SERVER_TRUST_USER_IDS needs true or false, found "maybe"'],
    ],
    [{ variables: { DYNC_SERVER_PORT: "" } }, []],
  ];
  test.each(rows)("row %#", async (said, faults) => {
    expect(await faultsIn(said)).toEqual(faults);
  });

  const without = async (set: (path: string) => void): Promise<readonly string[]> => {
    const home = homeWith(null);
    set(join(home, "server.toml"));
    return (await faultsBehind(() => readIn(home, {}))).map(({ message }) => message.replaceAll(home, "~"));
  };

  test("a folder of that name", async () => {
    expect(await without((path) => mkdirSync(path))).toEqual(["Cannot read ~/server.toml: it is a folder"]);
  });

  test.skipIf(isWindows)("a named pipe of that name, at once (not on Windows)", async () => {
    expect(await without((path) => execFileSync("mkfifo", [path]))).toEqual([
      "Cannot read ~/server.toml: it is no file",
    ]);
  });

  test.skipIf(isWindows || isRoot)("one that may not be read (not as root)", async () => {
    expect(await without((path) => writeFileSync(path, "", { mode: 0o000 }))).toEqual([
      "Cannot read ~/server.toml: permission denied",
    ]);
  });

  test("`config check` looks at the file alone", async () => {
    const path = folder.file("checked.toml");
    writeFileSync(path, "memory = '1MiB'");
    expect((await checkConfigurationFile(path)).faults).toEqual([
      {
        line: 1,
        member: "memory",
        text: "needs at least one chunk, 2097152 bytes, found 1048576",
        hint: undefined,
      },
    ]);
  });
});

describe("rules", () => {
  const homeOf = (text: string, schemas: Readonly<Record<string, string>>) => {
    const home = homeWith(text);
    for (const [name, schema] of Object.entries(schemas)) writeFileSync(join(home, name), schema);
    return home;
  };
  const ms = '[[rules]]\nname = "ms"\nfiles = ["*.raw"]\nschema = "ms.json"\n';

  test("are read with their schemas, which lie beside the file", async () => {
    const home = homeOf(`${ms}[[rules]]\nname = "all"\n`, { "ms.json": '{"required":["sample"]}' });
    const { rules, rulesDigest } = await readIn(home, {});
    expect(
      rules.uploads?.map(({ name, schema }) => [name, schema?.faultsOf({}).map(({ text }) => text)]),
    ).toEqual([
      ["ms", ['"sample" is missing']],
      ["all", undefined],
    ]);
    expect((await readIn(home, {})).rulesDigest).toBe(rulesDigest);
    writeFileSync(join(home, "ms.json"), '{"required":["run"]}');
    expect((await readIn(home, {})).rulesDigest).not.toBe(rulesDigest);
  });

  test("are none where the file has none", async () => {
    expect((await readIn(homeWith("port = 1"), {})).rules.uploads).toBe(null);
  });

  test("of which a schema is no good name the line and the file", async () => {
    const home = homeOf(`port = 1\n${ms}[[rules]]\nname = "b"\nschema = "gone.json"\n`, { "ms.json": "{" });
    const faults = (await faultsBehind(() => readIn(home, {}))).map(({ message }) => message);
    expect(faults.map((it) => it.replaceAll(home, "~"))).toEqual([
      "~/server.toml:5: rules[1].schema: ~/ms.json is not valid JSON at line 1, column 2: expected a name in double quotes, found the end",
      "~/server.toml:8: rules[2].schema: ~/gone.json is not there",
    ]);
    expect((await checkConfigurationFile(join(home, "server.toml"))).faults.length).toBe(2);
  });
});

test.skipIf(isWindows)("a secret that everybody may read is none (not on Windows)", async () => {
  const text = `[[hooks]]\nname = "web"\nevent = "after"\nurl = "https://a.example"\nsecret-file = "secret"\n`;
  const home = homeWith(text);
  const secret = join(home, "secret");
  writeFileSync(secret, "0123456789abcdef", { mode: 0o600 });
  expect((await readIn(home, {})).hooks.map(({ name }) => name)).toEqual(["web"]);
  chmodSync(secret, 0o604);
  const [fault] = await faultsBehind(() => readIn(home, {}));
  expect(fault?.message).toContain(`${secret} can be read by everybody on this machine: chmod o-r`);
});

test("the variable of a command counts before that of the server that runs, that before the one for all", async () => {
  const home = homeWith("port = 1");
  const shown = async (environment: Readonly<Record<string, string>>, own: string | null = null) => {
    const port = own === null ? {} : { port: { name: "DYNC_SERVER_CONFIG_SHOW_PORT", text: own } };
    const given = { file: null, settings: {}, variables: new Map(Object.entries(port)) };
    const { settings, variables } = await readConfiguration(given, { DYNC_HOME: home, ...environment });
    return [settings.port, variables.get("port")];
  };
  const forAll = { DYNC_SERVER_PORT: "2" };
  const both = { ...forAll, DYNC_SERVER_RUN_PORT: "3" };
  expect(await shown({})).toEqual([1, undefined]);
  expect(await shown(forAll)).toEqual([2, "DYNC_SERVER_PORT"]);
  expect(await shown(both)).toEqual([3, "DYNC_SERVER_RUN_PORT"]);
  expect(await shown(both, "4")).toEqual([4, "DYNC_SERVER_CONFIG_SHOW_PORT"]);
  const { settings } = await readIn(home, { variables: { DYNC_SERVER_TRUST_USER_IDS: "yes" } });
  expect(settings.trustsUserIds).toBe(true);
});

describe("what is probably not meant is a warning", () => {
  test.skipIf(isWindows)("a file that everybody may write (not on Windows)", async () => {
    const home = homeWith("port = 1");
    expect((await readIn(home, {})).warnings).toEqual([]);
    chmodSync(join(home, "server.toml"), 0o666);
    expect((await readIn(home, {})).warnings).toEqual([
      `Everybody on this machine may write ${home}/server.toml, and so change the server: chmod o-w`,
    ]);
  });
});
