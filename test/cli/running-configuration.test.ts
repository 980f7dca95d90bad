// A configuration that is read again while the server runs: what changes, what waits for a restart, and what is refused.

import { expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import { CommandLineError } from "../../src/cli/command-line-error.ts";
import type { Configuration } from "../../src/cli/dync-server/configuration.ts";
import { RunningConfiguration } from "../../src/cli/dync-server/running-configuration.ts";
import { readServerSettings } from "../../src/config/server-settings.ts";
import { defaultTerms, type UploadRule } from "../../src/rules/upload-rules.ts";
import type { LimitEntry } from "../../src/rules/user-limits.ts";

/** As if it had been read, from a file with these values. */
function read(
  values: Readonly<Record<string, unknown>>,
  file: string | null = "/etc/server.toml",
  uploads: readonly UploadRule[] | null = null,
  limits: readonly LimitEntry[] = [],
): Configuration {
  const { process: settings, rules, origins } = readServerSettings({ file: values });
  const rulesDigest = JSON.stringify(uploads);
  return {
    ...{ home: "/home", settings, rules: { ...rules, uploads }, rulesDigest },
    ...{ groups: {}, hooks: [], hooksDigest: "", alarms: [], alarmsText: "", signIn: null, signInText: "" },
    ...{
      file,
      origins,
      sharedFile: null,
      texts: { own: null, shared: null },
      fileOf: () => "/etc/server.toml",
      lineOf: () => 1,
      warnings: [],
      variables: new Map(),
      limits,
      limitsText: JSON.stringify(limits),
    },
  };
}

function running(first: Configuration) {
  let next = (): Configuration => first;
  const configuration = new RunningConfiguration(first, async () => next());
  const lines: string[] = [];
  const logger = { log: (level: string, message: string) => void lines.push(`${level}: ${message}`) };
  const reload = (read: () => Configuration) => {
    next = read;
    lines.length = 0;
    return configuration.reload(logger);
  };
  return { configuration, lines, reload };
}

test("takes what may change, in the objects that its users hold, and leaves the rest whole until a restart", async () => {
  const { configuration, reload } = running(read({ port: 1, expire: 5000, "uploads-per-user": 3 }));
  const { settings, rulesOf } = configuration;
  const to = () => read({ port: 2, chunk: 4096, expire: 6000, "uploads-per-user": 4, datasets: "bagit" });
  expect(await reload(to)).toEqual({
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
  expect(await reload(to)).toMatchObject({
    changed: [],
    needsRestart: [{ setting: "port" }, { setting: "chunk" }],
  });
  expect(await reload(() => read({ port: 1 }))).toMatchObject({
    changed: [
      { setting: "uploads-per-user", from: "4", to: "250" },
      { setting: "datasets" },
      { setting: "expire" },
    ],
    needsRestart: [],
  });
});

test("refuses what is wrong as a whole, and says all of it", async () => {
  const { configuration, lines, reload } = running(read({ expire: 5000 }));
  const before = structuredClone([configuration.settings, configuration.rulesOf("a")]);
  const faults = [new DyncError("configuration", "one"), new DyncError("usage", "two", { hint: "mend it" })];
  const refused = await reload(() => {
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
  expect(await reload(() => read({ expire: 6000 }))).toMatchObject({ changed: [{ from: "5s", to: "6s" }] });
});

test("a file that is gone is no wish for the defaults; one that comes is read", async () => {
  const { configuration, reload } = running(read({}, null));
  expect(await reload(() => read({}, null))).toMatchObject({ outcome: "taken", changed: [] });
  expect(await reload(() => read({ expire: 6000 }))).toMatchObject({ outcome: "taken", changed: [{}] });
  expect(await reload(() => read({}, null))).toMatchObject({
    outcome: "refused",
    faults: [{ message: "The configuration file /etc/server.toml is not there any more" }],
  });
  expect(configuration.settings.expireMs).toBe(6000);
});

test("other rules about uploads count at once, and are named", async () => {
  const { configuration, reload } = running(read({}));
  const terms = defaultTerms;
  const rules = [
    { name: "ms", terms },
    { name: "nmr", terms },
  ];
  const to = (uploads: readonly UploadRule[] | null) => () => read({}, undefined, uploads);
  expect(await reload(to(rules))).toMatchObject({
    changed: [{ setting: "rules", from: "none", to: "ms, nmr" }],
  });
  expect(configuration.rulesOf("a").uploads).toEqual(rules);
  expect(await reload(to(rules))).toMatchObject({ changed: [] });
  expect(await reload(to(rules.map((it) => ({ ...it, datasets: true }))))).toMatchObject({
    changed: [{ from: "ms, nmr", to: "ms, nmr, with other words" }],
  });
  expect(await reload(to(null))).toMatchObject({ changed: [{ from: "ms, nmr", to: "none" }] });
  expect(configuration.rulesOf("a").uploads).toBe(null);
});

test("what some users were granted counts for them at once, and goes over what all have", async () => {
  const { configuration, reload } = running(read({ "uploads-per-user": 9 }));
  const { rulesOf } = configuration;
  const users = [(user: string) => user === "anna"];
  const to = (uploads: number) => () =>
    read({ "uploads-per-user": 9 }, undefined, null, [{ name: "a", users, uploads, uploadBytes: 5 }]);
  expect(await reload(to(2))).toMatchObject({ changed: [{ setting: "limits", from: "none", to: "a" }] });
  expect(rulesOf("anna")).toMatchObject({ uploadsPerUser: 2, limits: { uploadBytes: 5 } });
  expect(rulesOf("anna")).toBe(rulesOf("anna"));
  expect(rulesOf("bert")).toMatchObject({ uploadsPerUser: 9, limits: {} });
  expect(await reload(to(3))).toMatchObject({ changed: [{ from: "a", to: "a, with other words" }] });
  expect(rulesOf("anna").uploadsPerUser).toBe(3);
  expect(await reload(() => read({}))).toMatchObject({
    changed: [{ setting: "uploads-per-user" }, { setting: "limits", from: "a", to: "none" }],
  });
  expect(rulesOf("anna")).toMatchObject({ uploadsPerUser: 250, limits: {} });
});

test("a bug of ours is no fault of the configuration", async () => {
  const { reload } = running(read({}));
  const reloading = reload(() => {
    throw new TypeError("a slip");
  });
  expect(reloading).rejects.toThrow("a slip");
});

test("somebody may be more urgent than usual as long as limits allow it to some user", async () => {
  const { configuration, reload } = running(read({}));
  const { mayHurry } = configuration;
  const to = (priority: "normal" | "high") => () => read({}, undefined, null, [{ name: "a", priority }]);
  expect(mayHurry()).toBe(false);
  for (const priority of ["high", "normal", "high"] as const) {
    expect(await reload(to(priority))).toMatchObject({ outcome: "taken" });
    expect(mayHurry()).toBe(priority === "high");
  }
});
