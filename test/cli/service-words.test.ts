// Options as a service has them: what is a path is one anywhere.

import { expect, test } from "bun:test";
import { checkArguments } from "../../src/cli/args.ts";
import { defineCommand, type OptionDef } from "../../src/cli/command.ts";
import { dync } from "../../src/cli/dync/main.ts";
import { dyncVariables, optionWords, serviceOptions } from "../../src/cli/dync/service-words.ts";
import { watchOptions } from "../../src/cli/dync/watch-options.ts";

test("paths among the options become absolute, and nothing else changes", () => {
  const values = {
    profile: "./mine.toml",
    meta: "m.json",
    "server-key": "k.key",
    after: "move=sent",
    "key-value": ["a:b c", "d:=[1]"],
    exclude: ["/x"],
    quiet: true,
    json: true,
  };
  expect(optionWords(serviceOptions, values, (path) => `/at/${path}`).toSorted()).toEqual([
    "--after=move=/at/sent",
    "--exclude=/x",
    "--key-value=a:b c",
    "--key-value=d:=[1]",
    "--meta=/at/m.json",
    "--profile=/at/./mine.toml",
    "--quiet",
    "--server-key=/at/k.key",
  ]);
  const plain = { profile: "illumina", after: "delete" };
  expect(optionWords(serviceOptions, plain, () => "?")).toEqual(["--profile=illumina", "--after=delete"]);
});

test("variables are kept for a service as dync watch reads them, with absolute paths and nothing for whoever looks", () => {
  const environment = {
    DYNC_JOBS: "2",
    DYNC_SERVER_KEY: "k.key",
    DYNC_WATCH_SETTLE: "5m",
    DYNC_WATCH_ALSO: "a\nb",
    DYNC_WATCH_ONCE: "true",
    DYNC_SERVICE_INSTALL_SETTLE: "9m",
    DYNC_SERVICE_INSTALL_META: "m.json",
    DYNC_SERVICE_INSTALL_PRINT: "true",
    DYNC_SERVER: "lab",
    DYNC_HOME: "/home",
    DYNC_EMPTY: "",
    PATH: "/bin",
  };
  expect(dyncVariables(environment, (path) => `/at/${path}`)).toEqual({
    DYNC_JOBS: "2",
    DYNC_SERVER_KEY: "/at/k.key",
    DYNC_WATCH_SETTLE: "9m",
    DYNC_WATCH_ALSO: "/at/a\n/at/b",
    DYNC_WATCH_META: "/at/m.json",
    DYNC_SERVER: "lab",
  });
});

/** What words say to `dync watch`, whether that makes sense or not. */
function readAsWatch(words: readonly string[]): Readonly<Record<string, unknown>> {
  const watch = defineCommand({ name: "watch", usage: "", options: watchOptions, run: async () => 0 });
  return checkArguments({ ...dync, commands: [watch] }, watch, words, { isNamed: true }).values;
}

test("a service has every option of dync watch but those of whoever looks or decides, and its watcher reads each as it was given", () => {
  const forOthers = ["send", "leave", "wait", "once", "explain", "profiles", "reasons", "retry-for"];
  expect(Object.keys(watchOptions).filter((name) => !(name in serviceOptions))).toEqual(forOthers);
  const text = '--2nd floor: "NovaSeq" = $HOME %n';
  const options: readonly (readonly [string, OptionDef])[] = Object.entries(serviceOptions);
  for (const [name, { type, repeat, isThreeWay, asksOnly }] of options) {
    // What goes to the log is for people.
    if (type === "positional" || asksOnly || name === "json") continue;
    const values =
      type === "boolean" ? [true, ...(isThreeWay ? [false] : [])] : [repeat ? [text, "b"] : text];
    for (const value of values) {
      const words = optionWords(serviceOptions, { [name]: value }, (path) => path);
      expect([name, readAsWatch([...words, "lab", "/runs"])[name]]).toEqual([name, value]);
    }
  }
  expect(optionWords(serviceOptions, { live: true, label: "NovaSeq" }, () => "?")).toEqual([
    "--live",
    "--label=NovaSeq",
  ]);
});
