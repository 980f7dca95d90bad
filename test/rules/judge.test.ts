// What may be uploaded by the rules alone.

import { describe, expect, test } from "bun:test";
import { defaultUserRules } from "../../src/config/server-settings.ts";
import { type Judgement, judge, type Post } from "../../src/rules/judge.ts";
import { readPathTemplate } from "../../src/rules/path-template.ts";
import { defaultTerms, type Terms } from "../../src/rules/upload-rules.ts";

const beginning = { upload: "0".repeat(32), at: new Date(2026, 10, 27) };

function postOf(change: Partial<Post> = {}): Post {
  return { name: "a.raw", metadataText: '{"sample":"A1"}', info: { size: 5 }, ...change };
}

test("what nothing is wrong with is accepted as it was posted", () => {
  const post = postOf();
  const terms = defaultTerms;
  const accepted = { type: "accepted", post, rule: null, terms, place: null, held: null };
  expect(judge("anna", post, defaultUserRules, beginning)).toEqual(accepted as Judgement);
});

describe("in a dropbox of openBIS", () => {
  const judged = (name: string, terms: Partial<Terms> = {}, info: Post["info"] = { size: 5 }) => {
    const all = { ...defaultTerms, names: "posix", layout: "openbis", ...terms } as const;
    const rules = { ...defaultUserRules, uploads: [{ name: "box", terms: all }] };
    const judgement = judge("anna", postOf({ name, info }), rules, beginning);
    return judgement.type === "accepted" ? judgement.place : judgement.refusal.text;
  };
  const marked = { openbis: true, marker: true } as const;

  test("a file gets the name that the original gives it, and a marker where that has a barcode", () => {
    const place = (name: string) => ({ folder: "anna", name, manner: { openbis: true } as const });
    expect(judged("my run-1 (ä).raw")).toEqual(place("myrun1.raw"));
    expect(judged("QJFDC010EU: 1.tar.gz")).toEqual({ ...place("QJFDC010EU1.tar.gz"), manner: marked });
    // Its check character is no matter.
    expect(judged("QJFDC010EV.raw")).toEqual({ ...place("QJFDC010EV.raw"), manner: marked });
    expect(judged("QJFDC010EU_QJFDC010EV.raw")).toEqual(place("QJFDC010EU_QJFDC010EV.raw"));
    expect(judged("a.raw", { marker: true })).toEqual({ ...place("a.raw"), manner: marked });
    expect(judged("b c.raw", { path: readPathTemplate("raw/{stem}/{name}") })).toEqual({
      ...place("bc.raw"),
      folder: "raw/bc",
    });
  });

  test("a folder keeps its name, and gets a marker in the same way", () => {
    const dataset = (name: string) => judged(name, {}, { unpack: "tar" });
    expect(dataset("a b.tar")).toBeNull();
    expect(dataset("QJFDC010EU b.tar")).toEqual({
      folder: "anna",
      name: "QJFDC010EU b",
      manner: { marker: true },
    });
  });

  test.each([
    ["ä.raw", "Before its ending"],
    ["-.raw", "Before its ending"],
    ["a.r w", "The ending"],
    ["a.ä", "The ending"],
    ["source_dropbox.txt", "is that of a file beside it"],
    ["source-_dropbox.txt", "is that of a file beside it"],
    [`${"a".repeat(236)}.x`, "Its name is 238 bytes long"],
  ])("%s is refused: %s", (name, text) => {
    expect(judged(name)).toContain(text);
  });
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
