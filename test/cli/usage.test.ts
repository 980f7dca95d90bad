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
  const { process, rules, faults } = readServerSettings({ option: { [name]: text ?? "" } });
  expect(faults).toEqual([]);
  const key = Object.entries(serverSettings).find(([, it]) => it.name === name)?.[0];
  expect<unknown>({ ...process, ...rules }[key as keyof typeof process]).toBe(value);
});

test("dync-server --help is laid out in two columns, a long option alone on its line", () => {
  const column = " ".repeat(28);
  const options = serverUsage.slice(serverUsage.indexOf("Options:\n"), serverUsage.indexOf("  -h, --help"));
  for (const line of options.trimEnd().split("\n").slice(1))
    expect(line).toMatch(/^ {6}--(?=.{20})[a-z0-9-]+( [A-Z:]+)? {2,}\S|^ {28}\S|^ {6}--[a-z0-9-]+ [A-Z:]+$/);
  expect(options).toContain(
    `      --window CHUNKS       pieces that one upload may have under way on a short\n${column}line (default 8)\n`,
  );
  expect(options).toContain(
    `      --uploads-per-user NUMBER\n${column}uploads that one user may have open at once (default\n${column}250)\n`,
  );
});
