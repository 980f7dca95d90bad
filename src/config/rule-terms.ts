// What a rule says of where its uploads go, in `[[rules]]` of a server's file.

import * as v from "valibot";
import { messageOf } from "../base/error.ts";
import { type PathTemplate, readPathTemplate } from "../rules/path-template.ts";
import { defaultTerms, type Terms, whenTaken } from "../rules/upload-rules.ts";
import { type Parsed, right, wrong } from "./parsed.ts";
import { member } from "./table.ts";
import { tomlText } from "./toml.ts";

/** Members of a rule that are its terms, as they are written. */
export interface TermsRow {
  readonly path?: PathTemplate | undefined;
  readonly names?: Terms["names"] | undefined;
  readonly existing?: Terms["existing"] | undefined;
  readonly layout?: NonNullable<Terms["layout"]> | undefined;
}

/** Schemas of these members. */
export const termsMembers = {
  path: v.optional(member(readPath)),
  names: v.optional(oneOf(["portable", "posix"] as const)),
  existing: v.optional(oneOf(whenTaken)),
  layout: v.optional(oneOf(["plain", "bagit"] as const)),
};

export function termsOf({ path, names, existing, layout }: TermsRow): Terms {
  return {
    path: path ?? defaultTerms.path,
    names: names ?? defaultTerms.names,
    existing: existing ?? defaultTerms.existing,
    layout: layout ?? defaultTerms.layout,
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
