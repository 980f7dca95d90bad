// `--name-template`: the name on the server, put together from where a file is. Pure.

import { basename, dirname, extname } from "node:path";
import { DyncError } from "../../base/error.ts";
import { fileNameFault } from "../../base/file-name.ts";

/** What a name is made from. */
export interface Named {
  /** Absolute. */
  readonly path: string;
  /** The name of a folder has no ending. */
  readonly isFolder: boolean;
  /** When it was last modified. */
  readonly modified: Date;
}

type Part = { readonly text: string } | { readonly field: Field };
type Field = keyof typeof fields;

const fields = {
  stem: ({ path, isFolder }: Named) => (isFolder ? basename(path) : basename(path, extname(path))),
  ext: ({ path, isFolder }: Named) => (isFolder ? "" : extname(path)),
  parent: ({ path }: Named) => basename(dirname(path)),
  date: ({ modified }: Named) => localDate(modified),
};

const option = 'Option "--name-template"';

export class NameTemplate {
  readonly #text: string;
  readonly #parts: readonly Part[];

  /** Throws `DyncError` ("usage"), which names everything in `text` that stands for nothing. */
  constructor(text: string) {
    this.#text = text;
    this.#parts = partsOf(text);
  }

  /** Throws `DyncError` ("usage") where what comes out is no name. */
  nameOf(named: Named): string {
    const name = this.#parts
      .map((part) => ("field" in part ? fields[part.field](named) : part.text))
      .join("");
    const fault = fileNameFault(name);
    if (fault === null) return name;
    const message = `${option} "${this.#text}" makes "${name}" of "${named.path}": that name ${fault}`;
    throw new DyncError("usage", message, {
      hint: "every system has to be able to store it; change the template",
    });
  }
}

function partsOf(text: string): readonly Part[] {
  const parts: Part[] = [];
  const unknown: string[] = [];
  // "{{" and "}}" are braces.
  for (const [written, brace, name] of text.matchAll(/(\{\{|\}\})|\{([^{}]*)\}|[{}]|[^{}]+/g)) {
    if (brace !== undefined) parts.push({ text: brace.slice(1) });
    else if (name !== undefined && Object.hasOwn(fields, name)) parts.push({ field: name as Field });
    else if (/[{}]/.test(written)) unknown.push(written);
    else parts.push({ text: written });
  }
  if (unknown.length > 0) {
    const listed = unknown.map((it) => `"${it}"`).join(", ");
    const known = Object.keys(fields)
      .map((it) => `{${it}}`)
      .join(", ");
    throw new DyncError("usage", `${option} has ${listed}, of which nothing is known`, {
      hint: `known are ${known}; write {{ and }} for braces`,
    });
  }
  if (parts.some((part) => "text" in part && /[/\\]/.test(part.text))) {
    const hint =
      "the server has no folders below a user's; join with another character: {parent}_{stem}{ext}";
    throw new DyncError("usage", `${option} needs a name without folders, found "${text}"`, { hint });
  }
  return parts;
}

function localDate(date: Date): string {
  const two = (number: number): string => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
