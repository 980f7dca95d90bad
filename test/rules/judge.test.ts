// What may be uploaded by the rules alone.

import { expect, test } from "bun:test";
import { defaultUserRules } from "../../src/config/server-settings.ts";
import { type Judgement, judge, type Post } from "../../src/rules/judge.ts";
import { defaultTerms } from "../../src/rules/upload-rules.ts";

const beginning = { upload: "0".repeat(32), at: new Date(2026, 10, 27) };

function postOf(change: Partial<Post> = {}): Post {
  return { name: "a.raw", metadataText: '{"sample":"A1"}', info: { size: 5 }, ...change };
}

test("what nothing is wrong with is accepted as it was posted", () => {
  const post = postOf();
  const terms = defaultTerms;
  const accepted = { type: "accepted", post, rule: null, terms, place: null };
  expect(judge("anna", post, defaultUserRules, beginning)).toEqual(accepted as Judgement);
});

const refusals: readonly (readonly [string, Partial<Post>, number, string])[] = [
  ["without metadata", { metadataText: "{}" }, 422, "Metadata has no member, at least one is required"],
  [
    "with a field of ours",
    { metadataText: '{"_dync":1}' },
    422,
    "Metadata field _dync is reserved, choose another name",
  ],
  ["with a name that no system takes", { name: "a/b" }, 403, 'The file name contains "/"'],
  [
    "with both: what is wrong with the metadata comes first",
    { name: "", metadataText: "{}" },
    422,
    "Metadata has no member, at least one is required",
  ],
];
test.each(refusals)("an upload %s is refused", (_what, change, code, text) => {
  expect(judge("anna", postOf(change), defaultUserRules, beginning)).toEqual({
    type: "refused",
    refusal: { code, text },
  });
});
