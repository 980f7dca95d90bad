// Fetching rules from a server, which may send anything.

import { describe, expect, test } from "bun:test";
import { deflateRawSync } from "node:zlib";
import { sha256Hex } from "../../src/base/sha256-hex.ts";
import type { Reply } from "../../src/client/ask.ts";
import { fetchRules } from "../../src/client/fetch-rules.ts";
import { limits } from "../../src/protocol/limits.ts";
import { ManualClock } from "../support/manual-clock.ts";

const { signal } = new AbortController();
const text = JSON.stringify({ limits: {}, rules: [{ name: "ms", files: ["*.raw"], names: "portable" }] });

/** A server that gives `content` in parts of `length` bytes, under the checksum of `named`. */
function giving(content: string | Uint8Array, { length = 7, named = text, size = -1 } = {}) {
  const bytes = deflateRawSync(content);
  return (from: number): Reply => ({
    code: "unknown-upload",
    text: "A part",
    info: {
      user: "alice",
      rules: sha256Hex(named),
      rulesSize: size < 0 ? bytes.length : size,
      rulesPart: bytes.subarray(from, from + length).toString("base64"),
    },
  });
}

async function fetched(replies: readonly ((from: number) => Reply)[]) {
  let asked = 0;
  const asker = {
    rulesFrom: async (from: number) => {
      const reply = replies[Math.min(asked++, replies.length - 1)] as (from: number) => Reply;
      return reply(from);
    },
  };
  return await fetchRules(asker, new ManualClock(), signal);
}

test("the parts are put together", async () => {
  expect(await fetched([giving(text)])).toEqual({ user: "alice", text, digest: sha256Hex(text) });
});

test("what became another meanwhile is fetched anew", async () => {
  const other = text.replace("ms", "nmr");
  const replies = [giving(other, { named: other }), giving(text)];
  expect(await fetched(replies)).toMatchObject({ text });
});

describe("refused is", () => {
  const nonsense = giving(text);
  const without = (change: object) => (from: number) => {
    const { info, ...reply } = nonsense(from);
    return { ...reply, info: { ...info, ...change } };
  };
  const later = JSON.stringify({ limits: {}, rules: [{ name: "ms", names: "portable", moons: 1 }] });
  const rows: readonly (readonly [string, readonly ((from: number) => Reply)[], string])[] = [
    [
      "too much, by the server",
      [() => ({ code: "too-large", text: "They have 1 GB", info: {} })],
      "They have 1 GB",
    ],
    ["an answer without a part", [without({ rulesPart: undefined })], "a part of them is none"],
    ["an answer without a checksum", [without({ rules: undefined })], "a part of them is none"],
    ["parts without anything", [without({ rulesPart: "" })], "a part of them is none"],
    ["parts that are no base64", [without({ rulesPart: "\u0000%&" })], "a part of them is none"],
    ["more than was announced", [without({ rulesSize: 3 })], "a part of them is none"],
    ["too much", [without({ rulesSize: 2 ** 40 })], "they have 1099511627776 bytes, compressed"],
    [
      "what changes all the time",
      Array.from({ length: 40 }, (_, at) => giving(text, { named: `${at}` })),
      "they change all the time",
    ],
    ["what is none of those", [giving(`${text} `)], "not those of which it tells the checksum"],
    ["what cannot be unpacked", [without({ rulesSize: 7 })], "they cannot be unpacked"],
    ["a bomb", [giving("0".repeat(100 * limits.rulesBytesMax), { length: 1e6 })], "they cannot be unpacked"],
    ["what is no text", [giving(Uint8Array.of(0xff))], "they cannot be unpacked"],
    [
      "what a later version means",
      [giving(later, { named: later })],
      "have something that this version does not know",
    ],
  ];
  test.each(rows)("%s", async (_what, replies, reason) => {
    await expect(fetched(replies)).rejects.toThrow(reason);
  });
});
