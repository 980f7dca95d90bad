// What the help says has to be what happens.

import { describe, expect, test } from "bun:test";
import { parseDuration } from "../../src/cli/duration.ts";
import { serverUsage } from "../../src/cli/dync-server/usage.ts";
import { parseSize } from "../../src/cli/size.ts";
import { defaultServerOptions } from "../../src/server/options.ts";

const defaults = defaultServerOptions;

describe("dync-server --help names the default of", () => {
  const cases: [string, number, (text: string) => number][] = [
    ["port", defaults.port, Number],
    ["memory", defaults.memoryBytes, (text) => parseSize(text, "--memory")],
    ["chunk", defaults.chunkBytes, (text) => parseSize(text, "--chunk")],
    ["window", defaults.windowChunks, Number],
    ["max-uploads", defaults.uploadsMax, Number],
    ["uploads-per-user", defaults.uploadsPerUser, Number],
    ["idle-timeout", defaults.idleMs, (text) => parseDuration(text, "--idle-timeout")],
    ["expire", defaults.expireMs, (text) => parseDuration(text, "--expire")],
  ];
  for (const [option, value, parse] of cases) {
    test(`--${option}`, () => {
      const text = new RegExp(`--${option} .*?\\(default\\s+([^\\s;)]+)`, "s").exec(serverUsage)?.[1];
      expect(parse(text ?? "")).toBe(value);
    });
  }
});
