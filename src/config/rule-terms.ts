// What a rule says of where its uploads go, in `[[rules]]` of a server's file.

import * as v from "valibot";
import { messageOf } from "../base/error.ts";
import { type PathTemplate, readPathTemplate } from "../rules/path-template.ts";
import { defaultTerms, ruleLayouts, type Terms, whenRefused, whenTaken } from "../rules/upload-rules.ts";
import { nameKinds } from "../upload/names.ts";
import { type Parsed, right, wrong } from "./parsed.ts";
import { switches } from "./setting.ts";
import { member, ofKind } from "./table.ts";
import { tomlText } from "./toml.ts";

/** Members of a rule that are its terms, as they are written. */
export interface TermsRow {
  readonly path?: PathTemplate | undefined;
  readonly names?: Terms["names"] | undefined;
  readonly existing?: Terms["existing"] | undefined;
  readonly layout?: NonNullable<Terms["layout"]> | undefined;
  readonly untar?: boolean | undefined;
  readonly "on-refusal"?: Terms["onRefusal"] | undefined;
  readonly sidecars?: readonly Sidecar[] | undefined;
  readonly mode?: number | undefined;
  /** Its name, or its number. */
  readonly group?: string | number | undefined;
}

const sidecars = ["sha256", "meta.json", "marker"] as const;
type Sidecar = (typeof sidecars)[number];

/** Schemas of these members. */
export const termsMembers = {
  path: v.optional(member(readPath)),
  names: v.optional(oneOf(nameKinds)),
  existing: v.optional(oneOf(whenTaken)),
  layout: v.optional(oneOf(ruleLayouts)),
  untar: v.optional(ofKind(switches)),
  "on-refusal": v.optional(oneOf(whenRefused)),
  sidecars: v.optional(member(readSidecars)),
  mode: v.optional(member(readMode)),
  group: v.optional(member(readGroup)),
};

/** `group` is the number of the group that `row` names, or `null`. */
export function termsOf(row: TermsRow, group: number | null): Terms {
  const { path, names, existing, layout, mode } = row;
  return {
    path: path ?? defaultTerms.path,
    names: names ?? defaultTerms.names,
    existing: existing ?? defaultTerms.existing,
    layout: layout ?? defaultTerms.layout,
    // There it always was so.
    untar: row.untar ?? layout === "openbis",
    mode: mode ?? defaultTerms.mode,
    group,
    onRefusal: row["on-refusal"] ?? defaultTerms.onRefusal,
    marker: row.sidecars?.includes("marker") ?? defaultTerms.marker,
  };
}

function oneOf<const T extends string>(words: readonly T[]) {
  return member((value): Parsed<T> => {
    const word = words.find((it) => it === value);
    return word === undefined ? wrong(words.map(tomlText).join(" or "), tomlText(value)) : right(word);
  });
}

function readPath(value: unknown): Parsed<PathTemplate> {
  const wanted = 'a path below the data folder: "{user}/{date:%Y}/{name}"';
  if (typeof value !== "string") return wrong(wanted, tomlText(value));
  try {
    return right(readPathTemplate(value));
  } catch (error) {
    return wrong(wanted, `${tomlText(value)}, which ${messageOf(error)}`);
  }
}

// Without metadata there is no data, and without a checksum nobody can prove later that it is what was sent.
function readSidecars(value: unknown): Parsed<readonly Sidecar[]> {
  const wanted = '["sha256", "meta.json"], which lie beside every file, or ["sha256", "meta.json", "marker"]';
  if (!Array.isArray(value)) return wrong(wanted, tomlText(value));
  const unknown = value.find((it) => !sidecars.includes(it as Sidecar));
  if (unknown !== undefined) return wrong(wanted, tomlText(unknown));
  const missing = sidecars.find((it) => it !== "marker" && !value.includes(it));
  return missing === undefined
    ? right(value as Sidecar[])
    : wrong(wanted, `a list without ${tomlText(missing)}`);
}

const noGroups = process.platform === "win32" ? "a server on Linux or macOS: Windows has none of this" : null;

function readMode(value: unknown): Parsed<number> {
  const wanted = noGroups ?? 'permissions as "0640": the owner may read, and nobody may execute';
  if (noGroups !== null || typeof value !== "string" || !/^0?[46][0-7]{2}$/.test(value))
    return wrong(wanted, tomlText(value));
  const mode = Number.parseInt(value, 8);
  return (mode & 0o111) === 0 ? right(mode) : wrong(wanted, tomlText(value));
}

function readGroup(value: unknown): Parsed<string | number> {
  const wanted = noGroups ?? "the name or the number of a group of this system";
  const isName = typeof value === "string" && /^[^:\s-][^:\s]{0,255}$/.test(value);
  const isNumber =
    typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value < 2 ** 32 - 1;
  return noGroups === null && (isName || isNumber) ? right(value) : wrong(wanted, tomlText(value));
}
