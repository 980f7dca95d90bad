// Where a rule has its uploads go: a path below the data folder with places for values. Whatever a value is, it stays within the
// part of the path where it stands, and the path within the data folder. Pure.

import { closest } from "../base/closest.ts";
import { suggestedFileName } from "../base/file-name.ts";
import { type Destination, pathOf } from "../upload/destination.ts";
import { type NameKind, nameFaultOf, safeText, splitName } from "../upload/names.ts";

/** What stands in one part of a path, one behind the other. */
type Piece =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "value"; readonly field: Field }
  /** A number of the time when the upload begins, by its letter in `strftime`. */
  | { readonly type: "date"; readonly directive: string }
  /** A value of the metadata, by the path of its field. */
  | { readonly type: "meta"; readonly path: string };

type Field = "user" | "name" | "stem" | "ext" | "upload";

/** One for each folder, the last for the file. */
export type PathTemplate = readonly (readonly Piece[])[];

/** What a path is made of. */
export interface PathValues {
  readonly user: string;
  /** As which the upload was sent. */
  readonly name: string;
  /** Id of the upload. */
  readonly upload: string;
  readonly at: Date;
  /** Text of a field of the metadata, `null` where it is not there or no single value. */
  readonly meta: (path: string) => string | null;
}

const fields: readonly Field[] = ["user", "name", "stem", "ext", "upload"];
const known = [...fields.map((it) => `{${it}}`), "{date}", "{date:%Y-%m}", "{meta.FIELD}"].join(", ");
const templateLengthMax = 1000;
const partsMax = 16;
// What Linux takes of a path, with room for the data folder before it.
const pathBytesMax = 2000;
const dateDefault = "%Y-%m-%d";

/** @throws Error whose message says why `text` is no template, as the rest of a sentence. */
export function readPathTemplate(text: string): PathTemplate {
  if (text.length > templateLengthMax)
    throw new Error(`is ${text.length} characters long, at most ${templateLengthMax} are allowed`);
  if (text.startsWith("/")) throw new Error('begins with "/": paths begin in the data folder');
  const parts: Piece[][] = [[]];
  for (const [whole, field, literal] of text.matchAll(/\{([^{}]*)\}|([^{}]+|[{}])/g)) {
    if (field === undefined && (whole === "{" || whole === "}"))
      throw new Error(`has a ${whole === "{" ? '"{" that is not closed' : '"}" that closes nothing'}`);
    const pieces = field === undefined ? textPieces(literal as string) : fieldPieces(field);
    for (const piece of pieces) piece === "/" ? parts.push([]) : parts.at(-1)?.push(piece);
  }
  checkParts(parts);
  return parts;
}

function textPieces(text: string): readonly (Piece | "/")[] {
  return text
    .split(/(\/)/)
    .filter((it) => it !== "")
    .map((it) => (it === "/" ? "/" : { type: "text", text: it }));
}

function fieldPieces(field: string): readonly (Piece | "/")[] {
  if (field === "date") return datePieces(dateDefault);
  if (field.startsWith("date:")) return datePieces(field.slice("date:".length));
  if (
    field.startsWith("meta.") &&
    field
      .slice("meta.".length)
      .split(".")
      .every((it) => it !== "")
  )
    return [{ type: "meta", path: field.slice("meta.".length) }];
  const value = fields.find((it) => it === field);
  if (value !== undefined) return [{ type: "value", field: value }];
  const near = closest(field, [...fields, "date", "meta"]);
  const hint = near === null ? "" : `, did you mean {${near}}?`;
  throw new Error(`has {${field}}, which is none of ${known}${hint}`);
}

function datePieces(format: string): readonly (Piece | "/")[] {
  if (format === "") throw new Error("has a date without a format: write {date:%Y-%m-%d}");
  const found = format.match(/%.?|[^%]+/gs) ?? [];
  return found.flatMap((it): readonly (Piece | "/")[] => {
    if (!it.startsWith("%")) return textPieces(it);
    const directive = it.slice(1);
    if (!Object.hasOwn(directives, directive))
      throw new Error(
        `has "${it}" in a date: known are ${Object.keys(directives)
          .map((d) => `%${d}`)
          .join(", ")}`,
      );
    return [{ type: "date", directive }];
  });
}

function checkParts(parts: readonly (readonly Piece[])[]): void {
  if (parts.length < 2) throw new Error("has no folder: write at least {user}/{name}");
  if (parts.length > partsMax) throw new Error(`has ${parts.length} parts, at most ${partsMax} are allowed`);
  for (const pieces of parts) {
    if (pieces.length === 0)
      throw new Error('has a part without a name: there is nothing before or behind a "/"');
    const texts = pieces.map((it) => (it.type === "text" ? it.text : "x"));
    const fault = nameFaultOf(texts.join(""), "portable");
    if (fault !== null) throw new Error(`has a part ${JSON.stringify(sourceOf(pieces))} that ${fault}`);
  }
  const last = parts.at(-1) ?? [];
  if (last.every((it) => it.type === "text"))
    throw new Error(
      `gives every upload the same name ${JSON.stringify(sourceOf(last))}: put {name} or another value in`,
    );
}

function sourceOf(pieces: readonly Piece[]): string {
  return pieces.map(pieceSource).join("");
}

/** `template` as it could be written: to be read again. */
export function templateText(template: PathTemplate): string {
  return template.map(sourceOf).join("/");
}

function pieceSource(piece: Piece): string {
  switch (piece.type) {
    case "text":
      return piece.text;
    case "value":
      return `{${piece.field}}`;
    case "date":
      return `{date:%${piece.directive}}`;
    case "meta":
      return `{meta.${piece.path}}`;
  }
}

/** The fields of the metadata that `template` needs. */
export function fieldsOf(template: PathTemplate): readonly string[] {
  return template.flat().flatMap((it) => (it.type === "meta" ? [it.path] : []));
}

/** Where an upload with these values goes, or why it can go nowhere, as a sentence. Names are of this `kind`. */
export function expandPath(template: PathTemplate, values: PathValues, kind: NameKind): Destination | string {
  const meta = new Map(fieldsOf(template).map((path) => [path, values.meta(path) ?? ""]));
  const missing = [...meta].filter(([, text]) => text === "").map(([path]) => path);
  if (missing.length > 0) {
    const list = missing.map((it) => JSON.stringify(it)).join(" and ");
    return `Where it goes depends on the metadata: ${list} ${missing.length === 1 ? "has" : "have"} to be there, with a single value`;
  }
  const parts = template.map((pieces) => partOf(pieces, { ...values, meta }, kind));
  const name = parts.pop() as string;
  // What lies beside a file is no folder.
  const folders = parts.map((it) => (/\.(sha256|meta\.json)$/i.test(it) ? `${it}_` : it));
  const destination = { folder: folders.join("/"), name };
  const fault = nameFaultOf(name, kind);
  if (fault !== null) return `The name ${JSON.stringify(name)} that it would get ${fault}`;
  const bytes = Buffer.byteLength(pathOf(destination));
  return bytes <= pathBytesMax
    ? destination
    : `Its path on the server would be ${bytes} bytes long, at most ${pathBytesMax} are allowed`;
}

/** The same, with the texts of all fields that are needed. */
type KnownValues = Omit<PathValues, "meta"> & { readonly meta: ReadonlyMap<string, string> };

function partOf(pieces: readonly Piece[], values: KnownValues, kind: NameKind): string {
  const text = pieces.map((it) => textOf(it, values, kind)).join("");
  // The name itself was judged already, and is not changed where it stands alone.
  if (nameFaultOf(text, kind) === null) return text;
  return suggestedFileName(text);
}

function textOf(piece: Piece, values: KnownValues, kind: NameKind): string {
  switch (piece.type) {
    case "text":
      return piece.text;
    case "date":
      return (directives[piece.directive] as (at: Date) => string)(values.at);
    case "meta":
      return safeText(values.meta.get(piece.path) ?? "", kind);
    case "value":
      return safeText(fieldValue(piece.field, values), kind);
  }
}

function fieldValue(field: Field, values: KnownValues): string {
  if (field === "stem" || field === "ext") return splitName(values.name)[field];
  return values[field];
}

const two = (value: number): string => String(value).padStart(2, "0");

/** What `strftime` makes of a moment in local time: those of its letters that are numbers. */
const directives: Readonly<Record<string, (at: Date) => string>> = {
  Y: (at) => String(at.getFullYear()),
  y: (at) => two(at.getFullYear() % 100),
  m: (at) => two(at.getMonth() + 1),
  d: (at) => two(at.getDate()),
  H: (at) => two(at.getHours()),
  M: (at) => two(at.getMinutes()),
  S: (at) => two(at.getSeconds()),
  j: (at) => String(dayOfYear(at)).padStart(3, "0"),
  G: (at) => String(isoWeek(at).year),
  V: (at) => two(isoWeek(at).week),
};

const dayMs = 86_400_000;

// In UTC, where every day is as long as the others.
function dayNumber(at: Date): number {
  return Date.UTC(at.getFullYear(), at.getMonth(), at.getDate()) / dayMs;
}

function dayOfYear(at: Date): number {
  return dayNumber(at) - Date.UTC(at.getFullYear(), 0, 1) / dayMs + 1;
}

/** ISO 8601: a week belongs to the year of its Thursday. */
function isoWeek(at: Date): { readonly year: number; readonly week: number } {
  const weekday = (at.getDay() + 6) % 7;
  const thursday = dayNumber(at) - weekday + 3;
  const year = new Date(thursday * dayMs).getUTCFullYear();
  return { year, week: 1 + Math.floor((thursday - Date.UTC(year, 0, 1) / dayMs) / 7) };
}
