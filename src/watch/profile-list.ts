// The list of profiles that `dync watch --profiles` shows: for people in at most 80 columns, and for programs.

import { wrapText } from "../base/wrap-text.ts";
import type { Profile } from "./profile.ts";
import type { Condition, SignRow, WaitRow } from "./profile-file.ts";
import { knownProfile, profileNames } from "./profiles.ts";

const indent = "  ";

/** What is listed of one profile. */
export interface ListedProfile {
  readonly name: string;
  readonly title: string;
  readonly unit: "file" | "folder";
  /** Globs for the name of one; empty: by its endings, or by nothing. */
  readonly names: readonly string[];
  /** Signs of the end, each enough by itself; empty: that it is quiet decides. */
  readonly signs: readonly string[];
  /** What holds it back whatever else is there. */
  readonly waits: readonly { readonly reason: string; readonly says: string }[];
  readonly junk: readonly string[];
  readonly depth?: number;
  readonly settleSeconds?: number;
  readonly sources: readonly string[];
}

/** All that come with the program. */
export function listedProfiles(): readonly ListedProfile[] {
  return profileNames.flatMap((name) => {
    const profile = knownProfile(name);
    return profile === null ? [] : [listedProfile(profile)];
  });
}

function listedProfile({ name, title, unit, depth, settleMs, file }: Profile): ListedProfile {
  return {
    ...{ name, title, unit },
    names: file.endings?.map((it) => `*${it}`) ?? (file.names ?? []).map(({ text }) => text),
    signs: (file.sign ?? []).map(signText),
    waits: (file.wait ?? []).map((row) => ({ reason: row.reason, says: waitText(row) })),
    junk: (file.junk ?? []).map(({ text }) => text),
    ...(depth === null ? {} : { depth }),
    ...(settleMs === null ? {} : { settleSeconds: settleMs / 1000 }),
    sources: file.sources ?? [],
  };
}

/** Lines for people: the name, then title, sign and sources below it. A word is never broken, so a long address goes beyond. */
export function profileLines(profiles: readonly ListedProfile[]): readonly string[] {
  return profiles.flatMap((it, index) => [
    ...(index === 0 ? [] : [""]),
    it.name,
    ...wrapped(it.title, indent),
    ...wrapped(`complete: ${endText(it)}`, indent),
    ...it.sources.flatMap((source) => wrapped(source, `${indent}${indent}`)),
  ]);
}

/** How one knows its end, in words. */
export function endText({ signs, settleSeconds, unit }: ListedProfile): string {
  if (signs.length > 0) return signs.join(", or ");
  if (settleSeconds === undefined) return `the ${unit} is quiet for as long as --settle says`;
  return `no sign is documented; the ${unit} is quiet for ${timeText(settleSeconds)}`;
}

function timeText(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

function signText(sign: SignRow): string {
  if (sign.says !== undefined) return sign.says;
  const names = (globs: Condition["files"]): readonly string[] => (globs ?? []).map(({ text }) => text);
  const parts = [
    names(sign.files).join(" and "),
    names(sign["any-of"]).join(" or "),
    sign["none-of"] === undefined ? "" : `no ${names(sign["none-of"]).join(" and no ")}`,
    sign.text === undefined ? "" : `what ${sign.text.in.text} says`,
    sign.row === undefined ? "" : `what ${sign.row.in.text} says of ${sign.row.key}`,
    sign.each === undefined ? "" : `${names(sign.each.has).join(" or ")} in each ${sign.each.folder.text}`,
    sign.name === undefined ? "" : `the name ${names(sign.name).join(" or ")}`,
  ];
  return parts.filter((part) => part !== "").join(", and ");
}

/** What a wait says of the file that it found, of any that it may find. */
function waitText({ says, files = [], "any-of": anyOf = [], text, row }: WaitRow): string {
  const globs = [...files, ...anyOf, ...[text, row].flatMap((it) => (it === undefined ? [] : [it.in]))];
  return says.replaceAll("{file}", () => globs.map((glob) => glob.text).join(" or ") || "it");
}

function wrapped(text: string, before: string): readonly string[] {
  return wrapText(text, before, before + indent);
}
