// Metadata from where an entry lies: `{project}/{sample}/*` says that the first folder of its path is the project, and so on. Pure.

import { type JsonMember, jsonMember } from "../base/json-text.ts";

/** Reads the metadata off the path of an entry, from the watched folder on; `null` where the path has another form. */
export type PathReader = (path: string) => readonly JsonMember[] | null;

/** @throws Error whose message says why `text` is no template, as the rest of a sentence. */
export function readPathForm(text: string): PathReader {
  const names: string[] = [];
  const pattern = [...text.matchAll(/\{([^{}]*)\}|\*|[{}]|[^{}*]+/g)].map(([piece, name]) => {
    if (piece === "*") return "[^/]*";
    if (name === undefined) {
      if (piece === "{" || piece === "}") throw new Error(`has a "${piece}" without its other half`);
      return piece.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    }
    if (name.trim() === "") throw new Error("has a {} without a name");
    if (names.includes(name)) throw new Error(`has {${name}} twice`);
    names.push(name);
    return "([^/]+?)";
  });
  if (names.length === 0) throw new Error("names no field: write one as {sample}");
  const expression = new RegExp(`^${pattern.join("")}$`, "su");
  return (path) => {
    const match = expression.exec(path);
    return match === null ? null : names.map((name, at) => jsonMember(name, JSON.stringify(match[at + 1])));
  };
}
