// Options as a service has them: what is a path is one anywhere.

import { expect, test } from "bun:test";
import { optionWords, serviceOptions } from "../../src/cli/dync/service-words.ts";

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
