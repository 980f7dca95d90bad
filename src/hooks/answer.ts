// What a hook answers that is asked before an upload begins. Pure.

import * as v from "valibot";
import { cutText } from "../base/cut-text.ts";
import { errorMeanings } from "../base/error.ts";
import { type JsonMember, jsonMembers, readJson } from "../base/json-text.ts";

const { forbidden, "metadata-rejected": rejected } = errorMeanings;
const codes = [forbidden.wire, rejected.wire] as const;

export type HookAnswer =
  /** With these members added to the metadata. */
  | { readonly type: "accepted"; readonly members: readonly JsonMember[] }
  /** `code` is the protocol's number: "forbidden", or "metadata-rejected" where it is about the metadata. */
  | { readonly type: "refused"; readonly code: (typeof codes)[number]; readonly text: string }
  /** No answer; `reason` says why, as the end of a sentence about the hook. */
  | { readonly type: "nonsense"; readonly reason: string };

const answers = v.union([
  v.strictObject({
    refuse: v.pipe(v.string(), v.regex(/\S/)),
    code: v.optional(v.picklist(codes), forbidden.wire),
  }),
  v.strictObject({ metadata: v.optional(v.custom<object>(isObject)) }),
]);

/** Reads what a hook printed, of which nothing is known. Nothing at all is no objection. */
export function readAnswer(output: Uint8Array): HookAnswer {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(output).trim();
  } catch {
    return nonsense("an answer that is no UTF-8");
  }
  if (text === "") return { type: "accepted", members: [] };
  const reading = readJson(text);
  if (reading.type === "no-json") return nonsense(`an answer that is no JSON: ${shown(text)}`);
  const members = reading.type === "json" ? reading.content.members : null;
  const answer = members === null ? null : v.safeParse(answers, JSON.parse(text));
  if (answer?.success !== true || members === null)
    return nonsense(`an answer that is not {"refuse": "…"}, {"metadata": {…}} or {}: ${shown(text)}`);
  const { output: said } = answer;
  if ("refuse" in said)
    return { type: "refused", code: said.code, text: said.refuse.replace(/\s+/g, " ").trim() };
  // As it is written: a number keeps its digits. The one that was checked: of several JSON.parse() takes the last.
  const added = members.findLast(({ name }) => name === "metadata");
  return { type: "accepted", members: (added && jsonMembers(added.value)) ?? [] };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function nonsense(what: string): HookAnswer {
  return { type: "nonsense", reason: `gave ${what}` };
}

function shown(text: string): string {
  return cutText(text.replace(/\s+/g, " "), 200);
}
