// A configuration that is read again while the server runs: what changes, what waits for a restart, and what is refused.

import { expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import { CommandLineError } from "../../src/cli/command-line-error.ts";
import type { Configuration } from "../../src/cli/dync-server/configuration.ts";
import { RunningConfiguration } from "../../src/cli/dync-server/running-configuration.ts";
import { readServerSettings } from "../../src/config/server-settings.ts";

/** As if it had been read, from a file with these values. */
function read(
  values: Readonly<Record<string, unknown>>,
  file: string | null = "/etc/server.toml",
): Configuration {
  const { process: settings, rules, origins } = readServerSettings({ file: values });
  return { home: "/home", settings, rules, file, origins, lineOf: () => 1, warnings: [] };
}

function running(first: Configuration) {
  let next = (): Configuration => first;
  const configuration = new RunningConfiguration(first, () => next());
  const lines: string[] = [];
  const logger = { log: (level: string, message: string) => void lines.push(`${level}: ${message}`) };
  const reload = (read: () => Configuration) => {
    next = read;
    lines.length = 0;
    return configuration.reload(logger);
  };
  return { configuration, lines, reload };
}

test("takes what may change, in the objects that its users hold, and leaves the rest whole until a restart", () => {
  const { configuration, reload } = running(read({ port: 1, expire: 5000, "uploads-per-user": 3 }));
  const { settings, rulesOf } = configuration;
  const to = () => read({ port: 2, chunk: 4096, expire: 6000, "uploads-per-user": 4, datasets: "bagit" });
  expect(reload(to)).toEqual({
    outcome: "taken",
    changed: [
      { setting: "uploads-per-user", from: "3", to: "4" },
      { setting: "datasets", from: "plain", to: "bagit" },
      { setting: "expire", from: "5s", to: "6s" },
    ],
    needsRestart: [
      { setting: "port", from: "1", to: "2" },
      { setting: "chunk", from: "2MiB", to: "4KiB" },
    ],
    warnings: [],
  });
  expect(settings).toMatchObject({ port: 1, chunkBytes: 2 * 1024 * 1024, expireMs: 6000 });
  expect(rulesOf("a")).toMatchObject({ uploadsPerUser: 4, datasets: "bagit" });
  // What waits is said each time, until it is as it was.
  expect(reload(to)).toMatchObject({
    changed: [],
    needsRestart: [{ setting: "port" }, { setting: "chunk" }],
  });
  expect(reload(() => read({ port: 1 }))).toMatchObject({
    changed: [
      { setting: "uploads-per-user", from: "4", to: "250" },
      { setting: "datasets" },
      { setting: "expire" },
    ],
    needsRestart: [],
  });
});

test("refuses what is wrong as a whole, and says all of it", () => {
  const { configuration, lines, reload } = running(read({ expire: 5000 }));
  const before = structuredClone([configuration.settings, configuration.rulesOf("a")]);
  const faults = [new DyncError("configuration", "one"), new DyncError("usage", "two", { hint: "mend it" })];
  const refused = reload(() => {
    throw new CommandLineError(faults);
  });
  expect(refused).toEqual({
    outcome: "refused",
    faults: [
      { message: "one", hint: undefined },
      { message: "two", hint: "mend it" },
    ],
  });
  expect(lines).toEqual([
    "error: A fault in the configuration",
    "error: A fault in the configuration",
    "error: The configuration is not taken: the one before stays",
  ]);
  expect([configuration.settings, configuration.rulesOf("a")]).toEqual(before as never);
  expect(reload(() => read({ expire: 6000 }))).toMatchObject({ changed: [{ from: "5s", to: "6s" }] });
});

test("a file that is gone is no wish for the defaults; one that comes is read", () => {
  const { configuration, reload } = running(read({}, null));
  expect(reload(() => read({}, null))).toMatchObject({ outcome: "taken", changed: [] });
  expect(reload(() => read({ expire: 6000 }))).toMatchObject({ outcome: "taken", changed: [{}] });
  expect(reload(() => read({}, null))).toMatchObject({
    outcome: "refused",
    faults: [{ message: "The configuration file /etc/server.toml is not there any more" }],
  });
  expect(configuration.settings.expireMs).toBe(6000);
});

test("a bug of ours is no fault of the configuration", () => {
  const { reload } = running(read({}));
  expect(() =>
    reload(() => {
      throw new TypeError("a slip");
    }),
  ).toThrow("a slip");
});
