// The server's settings: defaults, what is read over them, and what is wrong with it.

import { describe, expect, test } from "bun:test";
import {
  defaultProcessSettings,
  defaultUserRules,
  readServerSettings,
  serverSettings,
} from "../../src/config/server-settings.ts";

/** "name needs WANTED, found FOUND" for each fault. */
function faultsIn(given: Readonly<Record<string, string>>): readonly string[] {
  const { faults } = readServerSettings({ option: given });
  return faults.map(({ name, fault: { wanted, found } }) => `${name} needs ${wanted}, found ${found}`);
}

test("what is not given has its default", () => {
  const { process, rules, faults } = readServerSettings({});
  expect([process, rules, faults.length]).toEqual([defaultProcessSettings, defaultUserRules, 0]);
});

test("each default is one that could be given", () => {
  const given = Object.values(serverSettings).map(({ name, kind, default: value }) => [
    name,
    kind.write(value as never),
  ]);
  const { process, rules, faults } = readServerSettings({ option: Object.fromEntries(given) });
  expect(faults).toEqual([]);
  expect([process, rules]).toEqual([defaultProcessSettings, defaultUserRules]);
});

test("a setting changes its own value, of the process or of a user", () => {
  const { process, rules } = readServerSettings({
    option: {
      memory: "1G",
      data: "/srv",
      "trust-user-ids": "true",
      "log-level": "debug",
      "uploads-per-user": "7",
      "max-metadata": "1MiB",
    },
  });
  expect(process).toEqual({
    ...defaultProcessSettings,
    memoryBytes: 1024 ** 3,
    dataFolder: "/srv",
    trustsUserIds: true,
    logLevel: "debug",
  });
  expect(rules).toEqual({ ...defaultUserRules, uploadsPerUser: 7, metadataBytesPerUser: 1024 ** 2 });
});

test("names are one each, and no other program's spelling", () => {
  const names = Object.values(serverSettings).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9]*(-[a-z]+)*$/);
});

describe("what is wrong is said", () => {
  const cases: readonly (readonly [Readonly<Record<string, string>>, readonly string[]])[] = [
    [{ port: "65536" }, ['port needs a whole number from 0 to 65535, found "65536"']],
    [{ chunk: "100" }, ["chunk needs from 1024 to 16777216 bytes, found 100"]],
    [{ chunk: "17MiB" }, ["chunk needs from 1024 to 16777216 bytes, found 17825792"]],
    [{ memory: "x" }, ['memory needs a size, found "x"']],
    [{ memory: "1KiB" }, ["memory needs at least one chunk, 2097152 bytes, found 1024"]],
    [{ chunk: "1KiB", memory: "1KiB" }, []],
    [{ memory: "1KiB", chunk: "2KiB" }, ["memory needs at least one chunk, 2048 bytes, found 1024"]],
    [
      { port: "x", memory: "x" },
      ['port needs a whole number from 0 to 65535, found "x"', 'memory needs a size, found "x"'],
    ],
    // Nobody knows yet how little is enough.
    [{ memory: "1KiB", chunk: "1" }, ["chunk needs from 1024 to 16777216 bytes, found 1"]],
    [{ bind: "lab 1" }, ['bind needs an address of this machine, found "lab 1"']],
    [{ bind: "[::1]:8889" }, ['bind needs an address of this machine, found "[::1]:8889"']],
    [{ data: "" }, ['data needs a path, found ""']],
    [
      { "max-metadata": "1K" },
      ["max-metadata needs at least what one upload may have, 262144 bytes, found 1024"],
    ],
    [{ "idle-timeout": "39s" }, ["idle-timeout needs at least 40s, found 39000 ms"]],
    [{ expire: "0" }, ["expire needs at least 1s, found 0 ms"]],
    [{ expire: "1" }, ['expire needs a duration, found "1"']],
    [{ "log-format": "xml" }, ['log-format needs one of "text", "json", found "xml"']],
    [{ "trust-user-ids": "yes" }, ['trust-user-ids needs true or false, found "yes"']],
  ];
  test.each(cases)("%j", (given, faults) => {
    expect(faultsIn(given)).toEqual(faults);
  });
});
