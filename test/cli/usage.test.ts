// What the help says has to be what happens.

import { expect, test } from "bun:test";
import { serverUsage } from "../../src/cli/dync-server/usage.ts";
import { readServerSettings, serverSettings } from "../../src/config/server-settings.ts";
import { aboutText, type Setting } from "../../src/config/setting.ts";

const cases = Object.values(serverSettings)
  .filter((it) => /\(default (?!DYNC_HOME)/.test(aboutText(it as Setting<unknown>)))
  .map((it) => [it.name, it.default] as const);

test.each(cases)("dync-server --help names the default of --%s", (name, value) => {
  const text = new RegExp(`--${name} .*?\\(default\\s+([^\\s;)]+)`, "s").exec(serverUsage)?.[1];
  const { process, rules, faults } = readServerSettings({ [name]: text ?? "" });
  expect([...faults]).toEqual([]);
  const key = Object.entries(serverSettings).find(([, it]) => it.name === name)?.[0];
  expect<unknown>({ ...process, ...rules }[key as keyof typeof process]).toBe(value);
});
