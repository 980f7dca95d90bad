// Whether an upload may be made as its client posts it, by the rules that apply to its user. Pure: what else may stand
// in its way (a file that is there, room on the disk, what the user has unfinished) is found out after it.

import { errorMeanings } from "../base/error.ts";
import type { Refusal } from "../protocol/server/upload-life.ts";
import type { PostFile } from "../protocol/wire/message.ts";
import { metadataFault } from "../protocol/wire/metadata.ts";
import { storedName } from "../protocol/wire/stored-name.ts";
import { nameFault } from "../upload/names.ts";
import type { UserRules } from "./server-settings.ts";

/** What a client posts about an upload. */
export type Post = Omit<PostFile, "type">;

export type Judgement =
  /** `post` is what is taken up. */
  | { readonly type: "accepted"; readonly post: Post }
  | { readonly type: "refused"; readonly refusal: Refusal };

/** Of several reasons the first that a client can act on: metadata, then the name. */
export function judge(post: Post, rules: Pick<UserRules, "names">): Judgement {
  const metadata = metadataFault(post.metadataText);
  if (metadata !== null) return { type: "refused", refusal: metadata };
  const text = nameFaults[rules.names](storedName(post));
  if (text !== null) return { type: "refused", refusal: { code: errorMeanings.forbidden.wire, text } };
  return { type: "accepted", post };
}

const nameFaults = { portable: nameFault };
