// Whether an upload may be made as its client posts it, by the rules that apply to its user. Pure: what else may stand
// in its way (a file that is there, room on the disk, what the user has unfinished) is found out after it.

import { errorMeanings } from "../base/error.ts";
import type { Refusal } from "../protocol/server/upload-life.ts";
import type { ErrorInfo, PostFile } from "../protocol/wire/message.ts";
import { metadataFault } from "../protocol/wire/metadata.ts";
import { storedName } from "../protocol/wire/stored-name.ts";
import { nameFault } from "../upload/names.ts";
import { NoJudgement } from "./metadata-schema.ts";
import { type Candidate, ruleFor, type UploadRule } from "./upload-rules.ts";
import { type Limits, namingFault, sizeFault } from "./user-limits.ts";

/** What a client posts about an upload. */
export type Post = Omit<PostFile, "type">;

/** What a user's uploads have to keep to. */
export interface PostRules {
  /** Which names they may have: those that every system can store. */
  readonly names: "portable";
  /** Which of them are taken, the first rule that fits first; `null`: all. */
  readonly uploads: readonly UploadRule[] | null;
  /** What its user was granted. */
  readonly limits: Limits;
}

export type Judgement =
  /** `post` is what is taken up; by the rule of this name, or `null`: there are none. */
  | { readonly type: "accepted"; readonly post: Post; readonly rule: string | null }
  | { readonly type: "refused"; readonly refusal: Refusal };

/**
 * Of several reasons the first that a client can act on: metadata, then the name, then what its user was granted, then what the
 * server's rules want.
 */
export function judge(user: string, post: Post, rules: PostRules): Judgement {
  const metadata = metadataFault(post.metadataText);
  if (metadata !== null) return { type: "refused", refusal: metadata };
  const name = storedName(post);
  const text = nameFaults[rules.names](name);
  if (text !== null) return refused("forbidden", text);
  const naming = namingFault(rules.limits, name);
  if (naming !== null) return refused("forbidden", naming);
  const size = sizeFault(rules.limits, post.info.size);
  if (size !== null) return refused("too-large", size);
  if (rules.uploads === null) return { type: "accepted", post, rule: null };
  const candidate: Candidate = {
    user,
    name,
    isDataset: post.info.unpack !== undefined,
    metadata: JSON.parse(post.metadataText) as Candidate["metadata"],
  };
  const rule = ruleFor(rules.uploads, candidate);
  if (typeof rule === "string") return refused("forbidden", rule);
  const refusal = schemaRefusal(rule, candidate);
  return refusal ?? { type: "accepted", post, rule: rule.name };
}

const nameFaults = { portable: nameFault };

function schemaRefusal({ schema, name }: UploadRule, { metadata }: Candidate): Judgement | null {
  if (schema === undefined) return null;
  try {
    const faults = schema.faultsOf(metadata as never);
    if (faults.length === 0) return null;
    const list = faults.map(({ text }) => text).join("; ");
    const text = `Metadata are not as the rule "${name}" wants them: ${list}`;
    return refused("metadata-rejected", text, { rule: name, faults });
  } catch (error) {
    if (!(error instanceof NoJudgement)) throw error;
    const text = `The schema of the rule "${name}" cannot be applied to these metadata: it ${error.message}`;
    return refused("metadata-rejected", text, { rule: name });
  }
}

function refused(
  code: "forbidden" | "too-large" | "metadata-rejected",
  text: string,
  info?: ErrorInfo,
): Judgement {
  const refusal = { code: errorMeanings[code].wire, text, ...(info === undefined ? {} : { info }) };
  return { type: "refused", refusal };
}
