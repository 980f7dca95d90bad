// Whether an upload may be made as its client posts it, by the rules that apply to its user, and where it goes. Pure: what else may
// stand in its way (a file that is there, room on the disk, what the user has unfinished) is found out after it.

import { errorMeanings } from "../base/error.ts";
import { fieldText } from "../base/json-text.ts";
import type { Refusal } from "../protocol/server/upload-life.ts";
import type { ErrorInfo, PostFile } from "../protocol/wire/message.ts";
import { metadataFault } from "../protocol/wire/metadata.ts";
import { datasetName, storedName } from "../protocol/wire/stored-name.ts";
import type { Destination, Manner } from "../upload/destination.ts";
import { markedNameBytesMax, nameFault } from "../upload/names.ts";
import { dropboxName } from "../upload/openbis.ts";
import { barcodeLikeIn } from "./barcode.ts";
import { NoJudgement } from "./no-judgement.ts";
import { expandPath } from "./path-template.ts";
import { type Candidate, defaultTerms, ruleFor, type Terms, type UploadRule } from "./upload-rules.ts";
import { type Limits, namingFault, sizeFault } from "./user-limits.ts";

/** What a client posts about an upload. */
export type Post = Omit<PostFile, "type">;

/** What a user's uploads have to keep to. */
export interface PostRules {
  /** Which of them are taken, the first rule that fits first; `null`: all. */
  readonly uploads: readonly UploadRule[] | null;
  /** What its user was granted. */
  readonly limits: Limits;
}

/** What the server says of an upload that begins. */
export interface Beginning {
  /** Its id. */
  readonly upload: string;
  readonly at: Date;
}

/** It for who only asks: nothing begins, so there is no id. */
export function nothingBegins(at: Date): Beginning {
  return { upload: "UPLOAD-ID", at };
}

export type Judgement =
  | {
      readonly type: "accepted";
      /** What is taken up. */
      readonly post: Post;
      /** Name of the rule that takes it, or `null`: there are none. */
      readonly rule: string | null;
      readonly terms: Terms;
      /** Where it goes; `null`: to the folder of its user, under its name. */
      readonly place: Destination | null;
      /** Why it is not published as it is posted: its bytes are taken, and wait for other metadata; `null`: it is. */
      readonly held: Refusal | null;
    }
  | { readonly type: "refused"; readonly refusal: Refusal };

type Refused = Extract<Judgement, { type: "refused" }>;

/**
 * Of several reasons the first that a client can act on: metadata, then the name, then what its user was granted, then what the
 * server's rules want.
 */
export function judge(user: string, post: Post, rules: PostRules, beginning: Beginning): Judgement {
  const metadata = metadataFault(post.metadataText);
  if (metadata !== null) return { type: "refused", refusal: metadata };
  const name = storedName(post);
  // Under a rule that says so it may be what Linux alone can store; beyond that nobody can.
  const text =
    nameFault(name, rules.uploads === null ? "portable" : "posix") ?? namingFault(rules.limits, name);
  if (text !== null) return refused("forbidden", text);
  const size = sizeFault(rules.limits, post.info.size);
  if (size !== null) return refused("too-large", size);
  if (rules.uploads === null)
    return { type: "accepted", post, rule: null, terms: defaultTerms, place: null, held: null };
  const candidate: Candidate = {
    user,
    name,
    isDataset: post.info.unpack !== undefined,
    metadata: JSON.parse(post.metadataText) as Candidate["metadata"],
  };
  const rule = ruleFor(rules.uploads, candidate);
  if (typeof rule === "string") return refused("forbidden", rule);
  return judgeBy(rule, candidate, post, beginning);
}

function judgeBy(rule: UploadRule, candidate: Candidate, post: Post, beginning: Beginning): Judgement {
  const { terms } = rule;
  const { user } = candidate;
  const text = nameFault(candidate.name, terms.names);
  if (text !== null) return refused("forbidden", text);
  const accepted = { type: "accepted", post, rule: rule.name, terms, held: null } as const;
  const untar = untarredName(terms, candidate);
  const refuse = (refusal: Refused) => orHeld(refusal, accepted, { user, name: candidate.name, untar });
  const misplaced = (reason: string) =>
    refuse(refused("metadata-rejected", `The rule "${rule.name}" takes it. ${reason}`, { rule: rule.name }));
  const refusal = schemaRefusal(rule, candidate);
  if (refusal !== null) return refuse(refusal);
  const openbis = terms.layout === "openbis" && !candidate.isDataset && untar === null;
  const dropbox = openbis ? dropboxName(candidate.name) : { name: untar ?? candidate.name };
  if ("fault" in dropbox) return refused("forbidden", dropbox.fault);
  const { name } = dropbox;
  const meta = (path: string): string | null => textOf(candidate, post.metadataText, path);
  const place =
    terms.path === null
      ? { folder: user, name }
      : expandPath(terms.path, { user, name, ...beginning, meta }, terms.names);
  if (typeof place === "string") return misplaced(place);
  const manner = mannerOf(terms, place, { openbis, untar });
  const fault = markerFault(place, manner);
  if (fault !== null) return misplaced(fault);
  if (manner !== null) return { ...accepted, place: { ...place, manner } };
  return { ...accepted, place: terms.path === null ? null : place };
}

/** What a path says of a field of the metadata, `null`: nothing. All but a text is said with the digits and letters that it is written with. */
function textOf({ metadata }: Candidate, metadataText: string, path: string): string | null {
  const there = !path.includes(".") && Object.hasOwn(metadata, path) ? metadata[path] : undefined;
  return typeof there === "string" ? there : fieldText(metadataText, path);
}

/** Name of the dataset that is in a file which is to be unpacked; `null`: it is not. */
function untarredName({ untar }: Terms, { name, isDataset, metadata }: Candidate): string | null {
  return untar && !isDataset && metadata.untar === "True" ? datasetName(name) : null;
}

/** What lies there is never published, and no path of a rule leads there: only names are held in it. */
const heldFolder = ".held";

/** `refusal`, or what is `accepted` all the same, to be held. */
function orHeld(
  refusal: Refused,
  accepted: Omit<Extract<Judgement, { type: "accepted" }>, "place">,
  { user, name, untar }: Pick<Candidate, "user" | "name"> & { readonly untar: string | null },
): Judgement {
  if (accepted.terms.onRefusal !== "hold") return refusal;
  // As what its bytes are taken is decided when it begins.
  const manner = untar === null ? {} : { manner: { untar } };
  return { ...accepted, held: refusal.refusal, place: { folder: `${heldFolder}/${user}`, name, ...manner } };
}

/** What is told of an upload that would be held because of `held`, to who only asks. */
export function heldAsked(held: Refusal): Refusal {
  return { ...held, text: `It would be taken, and held until its metadata are put right. ${held.text}` };
}

function markerFault({ name }: Destination, manner: Manner | null): string | null {
  const bytes = Buffer.byteLength(name);
  const isMarked = manner?.marker === true || manner?.openbis === true;
  if (!isMarked || bytes <= markedNameBytesMax) return null;
  return `Its name is ${bytes} bytes long, and with a marker beside it ${markedNameBytesMax} are allowed`;
}

/** What of `terms` its record has to keep; `null`: nothing. */
function mannerOf(
  terms: Terms,
  { name }: Destination,
  { openbis, untar }: { readonly openbis: boolean; readonly untar: string | null },
): Manner | null {
  const { mode, group } = terms;
  const marker = terms.marker || (terms.layout === "openbis" && barcodeLikeIn(name) !== null);
  if (mode === null && group === null && !marker && !openbis && untar === null) return null;
  return {
    ...(mode === null ? {} : { mode }),
    ...(group === null ? {} : { group }),
    ...(marker ? { marker } : {}),
    ...(openbis ? { openbis } : {}),
    ...(untar === null ? {} : { untar }),
  };
}

function schemaRefusal({ schema, name }: UploadRule, { metadata }: Candidate): Refused | null {
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
): Refused {
  const refusal = { code: errorMeanings[code].wire, text, ...(info === undefined ? {} : { info }) };
  return { type: "refused", refusal };
}
