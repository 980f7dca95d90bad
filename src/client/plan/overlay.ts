// Metadata in layers: what is said of one file goes over what is said of all. Pure.

import type { JsonMember } from "../../base/json-text.ts";

/** The members of `base`, in their order, with those of `over` in the place of the ones they replace, or behind. */
export function overlaid(base: readonly JsonMember[], over: readonly JsonMember[]): readonly JsonMember[] {
  const members = [...base];
  for (const member of over) {
    const index = members.findIndex((it) => it.name === member.name);
    // In its place: the order of a metadata file is somebody's choice.
    members.splice(index < 0 ? members.length : index, index < 0 ? 0 : 1, member);
  }
  return members;
}
