// Whether what a profile wants of a run holds, by the names and sizes of what is in it and beside it, and by the text of small files.

import type { Matches } from "../rules/linear-pattern.ts";
import type { EntryView } from "./completion.ts";
import type { EntryNames, PathGlob } from "./path-glob.ts";
import type { Condition, WantedRow, WantedText } from "./profile-file.ts";
import { valueIn } from "./sqlite-row.ts";
import { textBytesMax, textIn } from "./text-file.ts";

/** An entry as a rule looks at it once: it is listed once, and no deeper than a glob leads. A run may have very many files deep in it. */
export class Seen {
  readonly view: EntryView;
  readonly names: EntryNames;
  /** Paths of what is in it, with their sizes; of an entry that is a file, its name. */
  #sizes: ReadonlyMap<string, number> = new Map();
  #paths: readonly string[] = [];
  #partsMax = 0;

  /** `endings` are those of files that belong together. */
  constructor(view: EntryView, endings: readonly string[]) {
    this.view = view;
    this.names = { name: view.name, stem: stemOf(view.name, endings) };
  }

  /** All paths in it that have at most so many parts; others may be among them. */
  paths(partsMax: number): readonly string[] {
    if (partsMax > this.#partsMax) {
      const files = this.view.files(partsMax);
      this.#sizes = new Map(files.map(({ path, size }) => [path === "" ? this.view.name : path, size]));
      this.#paths = [...this.#sizes.keys()];
      this.#partsMax = partsMax;
    }
    return this.#paths;
  }

  /** Bytes of what lies at one of the paths that were found; 0 where it is none of them. */
  sizeOf(path: string): number {
    return this.#sizes.get(path) ?? 0;
  }

  /** The paths that `glob` means, as `read` takes them. */
  all(glob: PathGlob): readonly string[] {
    if (!glob.isBeside) return this.paths(glob.parts).filter(glob.of(this.names));
    return this.#beside(glob).map((name) => `../${name}`);
  }

  /** The first path that one of `globs` means. */
  first(globs: readonly PathGlob[]): string | null {
    for (const glob of globs) {
      const [beside] = glob.isBeside ? this.#beside(glob) : [];
      const found = glob.isBeside ? beside : this.paths(glob.parts).find(glob.of(this.names));
      if (found !== undefined) return glob.isBeside ? `../${found}` : found;
    }
    return null;
  }

  /** The text of the first of the files that has what is wanted, or `null`. */
  async fileWith({ in: glob, is }: WantedText): Promise<string | null> {
    for (const path of this.all(glob)) {
      const text = await this.textOf(path);
      if (text !== null && is(text)) return path;
    }
    return null;
  }

  /** The first of the databases that has what is wanted, or `null`. */
  async databaseWith({ in: glob, table, key, is }: WantedRow): Promise<string | null> {
    for (const path of this.all(glob)) {
      const bytes = await this.read(path, databaseBytesMax);
      const value = bytes === null ? null : valueIn(bytes, table, key);
      if (value !== null && is(value)) return path;
    }
    return null;
  }

  async textOf(path: string): Promise<string | null> {
    const bytes = await this.read(path, textBytesMax);
    return bytes === null ? null : textIn(bytes);
  }

  /** As the view does it; of a file that is the entry, by its name as well. No more memory is taken than the file needs. */
  read(path: string, max: number): Promise<Uint8Array | null> {
    const isEntry = this.view.kind === "file" && path === this.view.name;
    return this.view.read(isEntry ? "" : path, Math.min(max, this.#sizes.get(path) ?? max));
  }

  /** Its bytes, or `max` where it has more. Of what lies beside the entry no size is known: so many bytes are read. */
  async sizeUpTo(path: string, max: number): Promise<number> {
    const isEntry = path === `../${this.view.name}` && this.view.kind === "file";
    const known = isEntry ? this.view.files(1)[0]?.size : this.#sizes.get(path);
    return Math.min(max, known ?? (await this.read(path, max))?.length ?? 0);
  }

  /** The names beside the entry that `glob` means. The entry is beside whatever is beside it. */
  #beside(glob: PathGlob): readonly string[] {
    const { view, names } = this;
    const one = glob.nameBeside(names);
    if (one !== null) {
      const found = one === view.name.toLowerCase() ? view.name : besideOf(view.siblings()).get(one);
      return found === undefined ? [] : [found];
    }
    const siblings = view.siblings();
    const all = siblings.includes(view.name) ? siblings : [...siblings, view.name];
    return all.filter(glob.of(names));
  }
}

// Settings are among the first things that are written to one.
const databaseBytesMax = 1024 * 1024;

// All entries of a folder have one list of names: each would go through all of them.
const besideLists = new WeakMap<readonly string[], ReadonlyMap<string, string>>();

/** The names in a list, by what they are in lower case. */
function besideOf(siblings: readonly string[]): ReadonlyMap<string, string> {
  const known = besideLists.get(siblings);
  if (known !== undefined) return known;
  const names = new Map(siblings.map((name) => [name.toLowerCase(), name]));
  besideLists.set(siblings, names);
  return names;
}

/** What stands before the longest of `endings` that `name` has, or else before its last ".". */
export function stemOf(name: string, endings: readonly string[]): string {
  const lower = name.toLowerCase();
  const known = endings
    .filter((it) => lower.endsWith(it.toLowerCase()))
    .toSorted((a, b) => b.length - a.length)[0];
  if (known !== undefined) return name.slice(0, -known.length);
  const dot = name.lastIndexOf(".");
  return dot > 0 ? name.slice(0, dot) : name;
}

export type Holding =
  | {
      readonly holds: true;
      /** What is there, or has the text, or is too small; `null`: it is about no file. */
      readonly file: string | null;
    }
  /** What is not there, for people. */
  | { readonly holds: false; readonly lacks: string };

/** Whether all of `condition` holds. */
export async function holding(condition: Condition, seen: Seen): Promise<Holding> {
  const lacks = lackedNames(condition, seen) ?? lackedParts(condition, seen);
  if (lacks !== null) return { holds: false, lacks };
  const { files = [], "any-of": anyOf = [], text, row, smaller } = condition;
  let file = seen.first(files) ?? seen.first(anyOf);
  if (smaller !== undefined) {
    const small = await smallFile(smaller, seen);
    if (small === null) return { holds: false, lacks: "a file that is so small" };
    file ??= small;
  }
  if (text !== undefined) {
    const withText = await seen.fileWith(text);
    if (withText === null) return { holds: false, lacks: lackedText(text, seen) };
    file ??= withText;
  }
  if (row !== undefined) {
    const withRow = await seen.databaseWith(row);
    if (withRow === null) return { holds: false, lacks: `what ${row.in.text} says of ${row.key}` };
    file ??= withRow;
  }
  return { holds: true, file: file === null ? null : shownPath(file) };
}

/** A path as people are told it: what lies beside the entry by its name. */
export function shownPath(path: string): string {
  return path.replace(/^\.\.\//, "");
}

function lackedNames(condition: Condition, seen: Seen): string | null {
  const { name, files = [], "any-of": anyOf, "none-of": noneOf } = condition;
  const own: readonly Matches[] = (name ?? []).map(({ of }) => of(seen.names));
  if (name !== undefined && !own.some((matches) => matches(seen.names.name))) return "another name";
  const missing = files.find((glob) => seen.first([glob]) === null);
  if (missing !== undefined) return shownGlob(missing, seen);
  if (anyOf !== undefined && seen.first(anyOf) === null)
    return anyOf.map((glob) => shownGlob(glob, seen)).join(" or ");
  const tooMuch = noneOf === undefined ? null : seen.first(noneOf);
  return tooMuch === null ? null : `an end of ${shownPath(tooMuch)}`;
}

/** Folders are known by the files in them: of an empty one nothing is seen. */
function lackedParts({ each }: Condition, seen: Seen): string | null {
  if (each === undefined) return null;
  const isPart = each.folder.of(seen.names);
  const wanted = each.has.map((glob) => glob.of(seen.names));
  const parts = new Map<string, boolean>();
  for (const path of seen.paths(Number.POSITIVE_INFINITY)) {
    for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
      const folder = path.slice(0, slash);
      if (!isPart(folder)) continue;
      const inside = path.slice(slash + 1);
      parts.set(folder, parts.get(folder) === true || wanted.some((matches) => matches(inside)));
    }
  }
  const has = each.has.map(({ text }) => text).join(" or ");
  if (parts.size === 0) return `a folder ${each.folder.text} with ${has}`;
  const open = [...parts].filter(([, isDone]) => !isDone).map(([folder]) => folder);
  if (open.length === 0) return null;
  return `${has} in ${open.slice(0, namedMax).join(", ")}${open.length > namedMax ? ", …" : ""}`;
}

const namedMax = 4;

function lackedText({ in: glob }: WantedText, seen: Seen): string {
  const [path] = seen.all(glob);
  return path === undefined ? shownGlob(glob, seen) : `what ${shownPath(path)} says at the end`;
}

/** A file of fewer bytes, or one beside the entry that cannot be read. */
async function smallFile(
  { files, than }: NonNullable<Condition["smaller"]>,
  seen: Seen,
): Promise<string | null> {
  for (const path of files.flatMap((glob) => seen.all(glob))) {
    if ((await seen.sizeUpTo(path, than)) < than) return path;
  }
  return null;
}

function shownGlob(glob: PathGlob, { names }: Seen): string {
  return shownPath(glob.text).replaceAll("{name}", names.name).replaceAll("{stem}", names.stem);
}
