// Options as a service has them: what is a path is one anywhere.

import { expect, test } from "bun:test";
import { dyncVariables, optionWords, serviceOptions } from "../../src/cli/dync/service-words.ts";

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
