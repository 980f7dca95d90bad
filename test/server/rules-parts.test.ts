// The rules that a user's client is given: in parts that fit an answer, as they are now.

import { expect, test } from "bun:test";
import { inflateRawSync } from "node:zlib";
import { sha256Hex } from "../../src/base/sha256-hex.ts";
import { defaultUserRules, type UserRules } from "../../src/config/server-settings.ts";
import { limits } from "../../src/protocol/limits.ts";
import { encodeServerMessage } from "../../src/protocol/wire/encode.ts";
import { MetadataSchema } from "../../src/rules/metadata-schema.ts";
import { rulesText } from "../../src/rules/rules-copy.ts";
import { defaultTerms } from "../../src/rules/upload-rules.ts";
import { RulesParts } from "../../src/server/rules-parts.ts";

/** Rules whose schema has `count` fields that no compression makes short. */
async function rulesWith(count: number): Promise<UserRules> {
  const names = Array.from({ length: count }, (_, at) => sha256Hex(String(at)));
  const schema = await MetadataSchema.read(JSON.stringify({ required: names }));
  return { ...defaultUserRules, uploads: [{ name: "ms", terms: defaultTerms, schema }] };
}

function fetched(parts: RulesParts, user: string): string {
  const bytes: Buffer[] = [];
  for (let from = 0; ; ) {
    const { code, text, info } = parts.part(user, from);
    expect(code).toBe(404);
    // As it goes out, with what else each answer has.
    const marks = { rules: parts.digestOf(user), ask: true, tag: Number.MAX_SAFE_INTEGER };
    const frames = encodeServerMessage({ type: "error", code, text, info: { ...info, ...marks } });
    expect(frames.at(-1)?.length).toBeLessThanOrEqual(limits.infoBytesMax);
    const part = Buffer.from(info?.rulesPart ?? "", "base64");
    bytes.push(part);
    from += part.length;
    if (part.length === 0 || from === info?.rulesSize) return inflateRawSync(Buffer.concat(bytes)).toString();
  }
}

test("they come in parts, whoever asks", async () => {
  const rules = await rulesWith(300);
  const parts = new RulesParts(() => rules);
  for (const user of ["anna", "ü".repeat(120)]) {
    const text = fetched(parts, user);
    expect(text).toBe(rulesText(user, rules));
    expect(parts.digestOf(user)).toBe(sha256Hex(text));
  }
  // Behind the end there is nothing.
  expect(parts.part("anna", Number.MAX_SAFE_INTEGER).info).toMatchObject({ rulesPart: "" });
});

test("others count at once, for as many users as there are", async () => {
  let rules: UserRules = defaultUserRules;
  const parts = new RulesParts(() => rules);
  const names = Array.from({ length: 1500 }, (_, at) => `user-${at}`);
  const [first] = names.map((it) => parts.digestOf(it));
  rules = await rulesWith(1);
  expect(parts.digestOf("user-0")).not.toBe(first as string);
  expect(fetched(parts, "user-0")).toBe(rulesText("user-0", rules));
  rules = { ...rules, limits: { uploadBytes: 7 } };
  expect(parts.digestOf("user-0")).toBe(sha256Hex(rulesText("user-0", rules)));
});

test("they are looked at once for each user, as long as the configuration is the same", () => {
  let looks = 0;
  const rulesNow = (): UserRules => ({
    ...defaultUserRules,
    get uploads() {
      looks += 1;
      return null;
    },
  });
  let rules = rulesNow();
  const parts = new RulesParts(() => rules);
  for (const user of ["anna", "anna", "anna"]) parts.digestOf(user);
  expect(looks).toBe(1);
  rules = rulesNow();
  parts.digestOf("anna");
  expect(looks).toBe(2);
});

test("what is too large is not given away, and still told from others", async () => {
  const rules = await rulesWith(5000);
  const parts = new RulesParts(() => rules);
  expect(parts.part("anna", 0)).toMatchObject({
    code: 413,
    text: expect.stringMatching(
      /^The rules that concern you have \d+ bytes, and at most 262144 are given away$/,
    ),
  });
  expect(parts.digestOf("anna")).toBe(sha256Hex(rulesText("anna", rules)));
});
