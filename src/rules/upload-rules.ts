// Which uploads a steward wants, in an ordered list: the first rule that takes an upload judges what its metadata say. Pure.

import { quotedText } from "../base/cut-text.ts";
import { fieldAt } from "../upload/metadata-field.ts";
import type { NameKind } from "../upload/names.ts";
import { layouts } from "../upload/upload.ts";
import { barcodeIn } from "./barcode.ts";
import type { Matches } from "./linear-pattern.ts";
import type { MetadataSchema } from "./metadata-schema.ts";
import type { PathTemplate } from "./path-template.ts";
import type { ShownPattern } from "./user-limits.ts";

/** What rules look at. */
export interface Candidate {
  readonly user: string;
  /** The name that it gets: a dataset's is that of its folder. */
  readonly name: string;
  readonly isDataset: boolean;
  /** The metadata object. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** A value of a metadata field that a rule asks for. */
export type Scalar = string | number | boolean;

/** Such a value, or what a text there has to match. */
export type Wanted = Scalar | ShownPattern;

/** It as it was written. */
export function wantedText(wanted: Wanted): Scalar {
  return typeof wanted === "object" ? wanted.text : wanted;
}

/** What becomes of uploads whose place is taken already. */
export const whenTaken = ["refuse", "number", "identical"] as const;
export type WhenTaken = (typeof whenTaken)[number];

/** As what a rule may have datasets published. */
export const ruleLayouts = [...layouts, "openbis"] as const;

/** What a rule has done with what it takes. */
export interface Terms {
  /** Where it goes; `null`: to the folder of its user, under its name. */
  readonly path: PathTemplate | null;
  readonly names: NameKind;
  /**
   * Where something lies there already: it is refused, or gets a name with a number, or is confirmed if it is the same (which a client
   * that can compare finds out by itself, before it sends anything).
   */
  readonly existing: WhenTaken;
  /**
   * As what a dataset is published; `null`: as the settings say. "openbis": as it was sent, and a file in a folder as the dropboxes of
   * openBIS have it (upload/openbis.ts), both with a marker where the name has a barcode.
   */
  readonly layout: (typeof ruleLayouts)[number] | null;
  /** Whether a file that is a tar, with `untar: "True"` in its metadata, is a dataset. */
  readonly untar: boolean;
  /** Permissions of its files, and the number of their group; `null`: those that the server's own have. */
  readonly mode: number | null;
  readonly group: number | null;
  /** Whether an empty file beside it says by its name that it is whole. */
  readonly marker: boolean;
  /** What becomes of it where its metadata are not as they should be: its bytes may be taken, and wait for other metadata. */
  readonly onRefusal: WhenRefused;
}

/** What becomes of uploads whose metadata are refused. */
export const whenRefused = ["refuse", "hold"] as const;
export type WhenRefused = (typeof whenRefused)[number];

/** What holds where no rule says otherwise. */
export const defaultTerms: Terms = {
  path: null,
  names: "portable",
  existing: "refuse",
  layout: null,
  untar: false,
  mode: null,
  group: null,
  marker: false,
  onRefusal: "refuse",
};

/** Of each condition that is there one alternative has to hold; without any it takes everything. */
export interface UploadRule {
  readonly name: string;
  readonly terms: Terms;
  readonly users?: readonly Matches[] | undefined;
  readonly files?: readonly ShownPattern[] | undefined;
  readonly datasets?: boolean | undefined;
  /** Whether the name needs one valid barcode of a sample (barcode.ts). */
  readonly barcode?: boolean | undefined;
  /** Values by the path of the field: `instrument.kind`. */
  readonly metadata?: ReadonlyMap<string, readonly Wanted[]> | undefined;
  readonly schema?: MetadataSchema | undefined;
}

/** The first of `rules` that takes `candidate`, or why none does: a sentence. */
export function ruleFor(rules: readonly UploadRule[], candidate: Candidate): UploadRule | string {
  const misses: string[] = [];
  for (const rule of rules) {
    const miss = missOf(rule, candidate);
    if (miss === null) return rule;
    // That there are rules for others is no help.
    if (miss !== notForUser) misses.push(`"${rule.name}" ${miss}`);
  }
  if (misses.length === 0) return `No rule of this server is for user ${quotedText(candidate.user, 80)}`;
  const shown = misses.slice(0, missesMax).join(", ");
  const rest = misses.length > missesMax ? `, and ${misses.length - missesMax} more` : "";
  return `No rule of this server takes ${quotedText(candidate.name, 80)}: ${shown}${rest}`;
}

/** The name of that rule, for one whose metadata are still a text; `null`: none takes it, or there are no rules. */
export function ruleNameFor(
  rules: readonly UploadRule[] | null,
  upload: Omit<Candidate, "metadata">,
  metadataText: string,
): string | null {
  if (rules === null) return null;
  const rule = ruleFor(rules, { ...upload, metadata: JSON.parse(metadataText) });
  return typeof rule === "string" ? null : rule.name;
}

const missesMax = 5;
const notForUser = "is for other users";

/** Why `rule` does not take `candidate`, as the rest of a sentence about it; `null` when it does. */
function missOf(rule: UploadRule, { user, name, isDataset, metadata }: Candidate): string | null {
  if (rule.users?.some((matches) => matches(user)) === false) return notForUser;
  if ((rule.datasets ?? isDataset) !== isDataset)
    return isDataset ? "takes no folders" : "takes folders only (send it with --dataset)";
  if (rule.files?.some(({ matches }) => matches(name)) === false) return "is for other names";
  if (rule.barcode === true && barcodeIn(name) === null) return "wants one valid barcode in the name";
  for (const [path, wanted] of rule.metadata ?? []) {
    const there = fieldAt(metadata, path);
    if (wanted.some((it) => isAsWanted(there, it))) continue;
    const values = wanted.map((it) => JSON.stringify(wantedText(it))).join(" or ");
    return `wants "${path}" to be ${values}`;
  }
  return null;
}

function isAsWanted(value: unknown, wanted: Wanted): boolean {
  return typeof wanted === "object" ? typeof value === "string" && wanted.matches(value) : wanted === value;
}
